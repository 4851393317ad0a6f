import { inOneLine } from '../printable.ts'
import { isCoded, thrownText } from '../thrown.ts'
import { signalCode } from './interruption.ts'
import { style, terminal } from './terminal.ts'

/** Characters of one sentence that are shown: names in files may have megabytes. */
const MAX_LENGTH = 2000

const shortened = (text: string): string => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}… (${text.length} characters)` : text)

const sentence = (text: string): string => shortened(inOneLine(text))

const red = (text: string) => style('red', text, process.stderr)
const dim = (text: string) => style('dim', text, process.stderr)

/** Prints an error to stderr, with --json as one document on stdout too, and gives the exit code. */
export function printError(error: unknown, { verbose, json }: { readonly verbose: boolean; readonly json: boolean }): number {
  if (isCoded(error)) {
    const { code, exitCode = 2 } = error
    const [what, where, next] = [error.what, error.where, error.next].map(text => text && sentence(text))
    if (json) printDocument({ error: { code, what, where, next } })
    terminal.error(`${red(code)} ${what}`)
    if (where) terminal.error(`  ${dim('looked in')} ${where}`)
    if (next) terminal.error(`  ${next}`)
    if (verbose) terminal.error(dim(stacks(error)))
    return stoppedBy(error) ?? exitCode
  }
  const message = sentence(thrownText(error))
  if (json) printDocument({ error: { code: 'E_UNEXPECTED', what: message } })
  terminal.error(`${red('E_UNEXPECTED')} ${message}`)
  if (verbose) terminal.error(dim(stacks(error)))
  else
    terminal.error(
      '  This is a fault of silane: run it again with --verbose and report what it prints, https://github.com/silane/silane/issues',
    )
  return 1
}

/** Says on stderr what is wrong with a command line. */
export function printUsage({ code, what, next }: { readonly code: string; readonly what: string; readonly next: string }): void {
  terminal.error(`${red(code)} ${what}`)
  terminal.error(`  ${next}`)
}

/** Where stdout itself is what failed, the sentence on stderr has to do. */
function printDocument(document: unknown): void {
  try {
    terminal.document(document)
  } catch {}
}

/** Causes that are shown: an error of a plugin may be its own. */
const MAX_CAUSES = 8

/** Of an error and of what caused it. A message, which stands at the beginning of a stack, may quote a file. */
function stacks(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return shortened(thrownText(error))
  const { stack, cause } = error
  const message = thrownText(error)
  const own = (typeof stack === 'string' ? stack : message).replace(message, () => shortened(message))
  return cause === undefined || depth === MAX_CAUSES ? own : `${own}\ncaused by ${stacks(cause, depth + 1)}`
}

/** Shells tell a program that was stopped by its exit code. */
const stoppedBy = (error: Error): number | undefined =>
  'signal' in error && typeof error.signal === 'string' ? signalCode(error.signal) : undefined
