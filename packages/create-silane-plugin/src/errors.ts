import { inOneLine } from './printable.ts'

/** An error as silane's own are: a code, what is wrong, and what to do. This package needs none of the others to say so. */
export class CreateError extends Error {
  override readonly name = 'SilaneError'
  readonly code: string
  readonly what: string
  readonly where = undefined
  readonly next: string
  readonly exitCode = 2

  constructor(code: string, said: string, next: string) {
    const what = inOneLine(said)
    super(`${what}\n${next}`)
    this.code = code
    this.what = what
    this.next = next
  }
}

/** Errors of writing a new plugin. */
export const errors = {
  E_CREATE_USAGE: ({ problem }: { problem: string }) =>
    new CreateError(
      'E_CREATE_USAGE',
      `${problem}.`,
      'npm create silane-plugin my-model -- --scope my-name. All flags: npm create silane-plugin -- --help.',
    ),
  E_CREATE_NAME: ({ name, problem }: { name: string; problem: string }) =>
    new CreateError(
      'E_CREATE_NAME',
      `"${name}" ${problem}.`,
      'Choose a name of lower-case letters, digits and single hyphens, such as my-model.',
    ),
  E_CREATE_EXISTS: ({ folder }: { folder: string }) =>
    new CreateError('E_CREATE_EXISTS', `${folder} is there and not empty.`, 'Choose another folder with --dir, or empty this one.'),
  E_CREATE_WRITE: ({ folder, problem }: { folder: string; problem: string }) =>
    new CreateError('E_CREATE_WRITE', `${folder} cannot be written: ${problem}.`, 'Choose another folder with --dir.'),
  E_CREATE_PRINT: ({ problem }: { problem: string }) =>
    new CreateError('E_CREATE_PRINT', `What is to be said cannot be printed: ${problem}.`, 'Send stdout to another place.'),
}
