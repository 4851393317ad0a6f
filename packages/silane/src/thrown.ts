import type { SilaneError } from '@silane/core'

/** What was thrown, as a text. Anything may be: also an object that becomes no text, or an error whose message is none. */
export function thrownText(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message || thrown.name : thrown)
  } catch {
    return 'something that has no text was thrown'
  }
}

const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string'

/** A coded error by its fields, so that nothing need be loaded to tell one; what stops a command has no exit code of its own. */
type Coded = Error & Pick<SilaneError, 'code' | 'what' | 'where' | 'next'> & Partial<Pick<SilaneError, 'exitCode'>>

/** Whether an error is one of ours by all of its fields, and not by its name alone: code of others throws what it likes. */
export const isCoded = (error: unknown): error is Coded =>
  error instanceof Error &&
  error.name === 'SilaneError' &&
  'code' in error &&
  typeof error.code === 'string' &&
  'what' in error &&
  typeof error.what === 'string' &&
  (!('where' in error) || isText(error.where)) &&
  (!('next' in error) || isText(error.next)) &&
  (!('exitCode' in error) || error.exitCode === 1 || error.exitCode === 2 || error.exitCode === 3)
