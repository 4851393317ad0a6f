import { errors } from '@silane/core'
import { type Checked, type CheckedValue, readOption } from './read-option.ts'

/** A value as its declaration wants it (see `readOption`). Throws E_OPTION, where `flag` is what the user wrote. */
export function checkOption(flag: string, value: unknown, spec: Checked): CheckedValue {
  const read = readOption(value, spec)
  if ('value' in read) return read.value
  throw errors.E_OPTION({ option: flag, problem: read.problem, next: `${flag}: ${spec.doc}.` })
}
