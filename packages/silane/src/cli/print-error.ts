import { styleText } from 'node:util'

/** What a SilaneError says; told by its fields, so that nothing need be loaded to print it. */
interface Told {
  readonly code: string
  readonly what: string
  readonly where?: string | undefined
  readonly next?: string | undefined
  readonly exitCode?: number
}

const isTold = (error: unknown): error is Error & Told =>
  error instanceof Error && error.name === 'SilaneError' && 'code' in error && 'what' in error

const red = (text: string) => styleText('red', text, { stream: process.stderr })
const dim = (text: string) => styleText('dim', text, { stream: process.stderr })

/** Prints an error to stderr, with --json as one document on stdout too, and gives the exit code. */
export function printError(error: unknown, { verbose, json }: { readonly verbose: boolean; readonly json: boolean }): number {
  if (isTold(error)) {
    const { code, what, where, next, exitCode = 2 } = error
    if (json) console.log(JSON.stringify({ error: { code, what, where, next } }, undefined, 2))
    console.error(`${red(code)} ${what}`)
    if (where) console.error(`  ${dim('looked in')} ${where}`)
    if (next) console.error(`  ${next}`)
    if (verbose && error.stack) console.error(dim(error.stack))
    return signalCode(error) ?? exitCode
  }
  const message = error instanceof Error ? error.message : String(error)
  if (json) console.log(JSON.stringify({ error: { code: 'E_UNEXPECTED', what: message } }, undefined, 2))
  console.error(`${red('E_UNEXPECTED')} ${message.split('\n')[0]}`)
  if (verbose && error instanceof Error) console.error(dim(error.stack ?? ''))
  else
    console.error(
      '  This is a fault of silane: run it again with --verbose and report what it prints, https://github.com/silane/silane/issues',
    )
  return 1
}

/** Shells tell a program that was stopped by its exit code. */
const signals: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 }
const signalCode = (error: Error): number | undefined =>
  'signal' in error && typeof error.signal === 'string' ? signals[error.signal] : undefined
