import { readFileSync, statSync } from 'node:fs'
import type { Checkpoint } from '@silane/core'

/** The largest vocabularies in use have 5 MB. */
const MAX_BYTES = 64_000_000

/** The most tokens of a vocabulary, and the most merges. */
export const MAX_ENTRIES = 4_000_000

/** A text of the checkpoint, as Python reads it: line ends of every system are one. `refuse` makes the error of a problem. */
export function readTextFile(checkpoint: Checkpoint, file: string, refuse: (problem: string, cause?: unknown) => Error): string {
  const path = checkpoint.path(file)
  const { size } = statSync(path)
  if (size > MAX_BYTES) throw refuse(`it has ${size} bytes, and ${MAX_BYTES} are the most`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path)).replaceAll(/\r\n?/g, '\n')
  } catch (cause) {
    throw refuse('the text is not UTF-8', cause)
  }
}
