import { own } from '@silane/core'
import type { Manifest } from '../manifest.ts'

/** The folder within a converted one that has the tokenizer of a program, or of what it is a part of; '' for the converted folder itself. */
export function tokenizerFolder({ pipeline: { tokenizers = {} }, programs }: Manifest, program: string): string {
  const whole = programs.find(({ name }) => name === program)?.partOf
  return own(tokenizers, program) ?? (whole === undefined ? undefined : own(tokenizers, whole)) ?? ''
}
