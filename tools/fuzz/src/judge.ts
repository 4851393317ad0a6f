import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './bench.ts'

/** What became of one input. */
export type Verdict = { readonly kind: 'ok' } | { readonly kind: 'coded'; readonly code: string } | Fault

/** What no input may bring about. */
export interface Fault {
  readonly kind: 'fault'
  readonly fault: FaultKind
  readonly what: string
  /** The innermost frames of ours, as far as they are known. */
  readonly frames: readonly string[]
}

export const FAULTS = [
  'uncoded',
  'silane',
  'hang',
  'memory',
  'died',
  'late rejection',
  'partial output',
  'large output',
  'changed input',
  'leak',
  'pollution',
  'control characters',
  'endless text',
  'no document',
] as const
export type FaultKind = (typeof FAULTS)[number]

/** Codes of all catalogues. docs/errors.md lists them, and a test of the repository keeps that complete. */
const codes: ReadonlySet<string> = new Set(
  [...readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').matchAll(/^### (E_\w+)$/gm)].map(([, code]) => code as string),
)

/** Frames of a stack in files of ours, inside first. */
export function framesOf(stack: string | undefined, most = 4): string[] {
  // Where an error is made says nothing; where it is thrown does.
  const lines = (stack ?? '').split('\n').filter(line => /^\s+at /.test(line) && !line.includes('/core/src/errors.ts'))
  const ours = lines.filter(line => line.includes(ROOT) && !line.includes('/tools/fuzz/') && !line.includes('/node_modules/.pnpm/'))
  return (ours.length > 0 ? ours : lines)
    .slice(0, most)
    .map(line => line.trim().replace(/^at /, '').replaceAll('file://', '').replaceAll(ROOT, ''))
}

export const fault = (kind: FaultKind, what: string, stack?: string): Fault => ({
  kind: 'fault',
  fault: kind,
  what: what.slice(0, 400),
  frames: framesOf(stack),
})

interface Told {
  readonly code: string
  readonly exitCode?: number
}
const isTold = (error: unknown): error is Error & Told =>
  error instanceof Error && error.name === 'SilaneError' && 'code' in error && typeof error.code === 'string'

/** What a function threw: an error of a catalogue, and not one that says that silane is at fault. */
export function judgeError(error: unknown): Verdict {
  if (isTold(error) && codes.has(error.code))
    return error.exitCode === 1 ? fault('silane', `${error.code} ${error.message}`, error.stack) : { kind: 'coded', code: error.code }
  return fault(
    'uncoded',
    error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    error instanceof Error ? error.stack : undefined,
  )
}

/** What a run of the command line printed, and how it ended. */
export interface Printed {
  readonly args: readonly string[]
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** C0 but for tab and line feed, C1, and what turns the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

/** More than anybody reads of an error. */
const MOST_ERROR_TEXT = 100_000

const inspected = (stdout: string, json: boolean): string | undefined => {
  const [, code] = (json ? /"problem": \{\s*"code": "(E_[A-Z_]+)"/ : /^(E_[A-Z_]+) /m).exec(stdout) ?? []
  return code
}

/** Errors print their code first in a line; with --verbose their stack follows. */
export function judgePrinted({ args, exitCode, stdout, stderr }: Printed): Verdict {
  const json = args.includes('--json')
  const code = /^(E_[A-Z_]+) (.*)/m.exec(stderr)
  // Broken, or not supported.
  const verdict = args.includes('verify') && (exitCode === 1 || exitCode === 2) && !code
  if (exitCode === 1 && !verdict) {
    const [, name = '', text = ''] = code ?? []
    return name === 'E_UNEXPECTED' || name === '' ? fault('uncoded', text, stderr) : fault('silane', `${name} ${text}`, stderr)
  }
  if (![0, 1, 2, 3].includes(exitCode)) return fault('uncoded', `exit code ${exitCode}: ${stderr.slice(0, 200)}`, stderr)
  if (code && !codes.has(code[1] as string)) return fault('uncoded', `${code[1]} is in no catalogue: ${code[2]}`, stderr)
  const shown = json ? stderr : stdout + stderr
  const control = CONTROL.exec(shown)
  if (control) return fault('control characters', JSON.stringify(shown.slice(Math.max(0, control.index - 60), control.index + 20)))
  if (stderr.length > MOST_ERROR_TEXT) return fault('endless text', `${stderr.length} characters on stderr: ${stderr.slice(0, 100)}`)
  if (json && !isDocument(stdout))
    return fault('no document', `exit code ${exitCode}, ${stdout.length} bytes on stdout; stderr: ${stderr.slice(0, 100)}`)
  if (code) return { kind: 'coded', code: code[1] as string }
  // What stands in the way of a conversion is a part of what inspect shows.
  const shownCode = exitCode === 2 && args.includes('inspect') ? inspected(stdout, json) : undefined
  if (shownCode !== undefined && codes.has(shownCode)) return { kind: 'coded', code: shownCode }
  // A usage error is commander's own text.
  if (exitCode === 2 && !verdict)
    return /^error: /m.test(stderr)
      ? { kind: 'coded', code: 'usage' }
      : fault('uncoded', `exit code 2 without a code: ${stderr.slice(0, 200)}`)
  // inspect shows what stands in the way of a conversion and ends well; verify lists what it finds.
  const inside = json
    ? /"code": "(E_\w+)"/.exec(stdout)
    : (/^(?:E|e| {2}e| {2}E)\w* ?(E_[A-Z_]+) /m.exec(stdout) ?? /(?:^| )(E_[A-Z_]{4,}) /m.exec(stdout + stderr))
  return inside ? { kind: 'coded', code: inside[1] as string } : { kind: 'ok' }
}

function isDocument(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
