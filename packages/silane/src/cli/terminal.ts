import { styleText } from 'node:util'
import { printable } from '../printable.ts'
import { addSecret, secretsRemover } from '../secrets.ts'
import { streams } from '../streams.ts'

type Stream = NodeJS.WriteStream
type Format = Parameters<typeof styleText>[0]

/**
 * Stands for the escape character in text of ours. Another one in every process, so that no file can know it and colour anything;
 * from a plane that has no characters.
 */
const ESCAPE = String.fromCodePoint(0xf0000 + Math.floor(Math.random() * 0xfffd))

/** Bold, dim or coloured where the stream is a terminal that shows it. */
export const style = (format: Format, text: string, stream: Stream): string => {
  const [before = '', after = ''] = styleText(format, '\n', { stream }).split('\n')
  return `${marked(before)}${text}${marked(after)}`
}

const marked = (sequence: string): string => sequence.replaceAll('\u001b', ESCAPE)

const shown = (text: string): string => printable(secretsRemover()(text)).replaceAll(ESCAPE, '\u001b')

/**
 * Writes; a full disk behind stdout is an error, since the result is lost. A reader that has gone (`| head`) is none: the stream
 * says so by an event, for which `watchStreams` ends the process.
 */
function write(stream: Stream, text: string): void {
  try {
    streams.write(stream, text)
  } catch (error) {
    if (stream !== process.stdout || isClosed(error)) return
    // The system names no path for what is open already.
    throw error instanceof Error ? Object.assign(error, { path: 'stdout' }) : error
  }
}

const isClosed = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EPIPE'

/** Whether what is said beside the result is left out. */
let quiet = false

/** Everything that the command line prints passes here: text from files is spelled out, and secrets are left out. */
export const terminal = {
  /** A line of the result, on stdout. */
  result: (text: string): void => write(process.stdout, `${shown(text)}\n`),
  /** A part of the result, without a line's end. */
  piece: (text: string): void => write(process.stdout, shown(text)),
  /** The whole result as one JSON document, on stdout. */
  document: (value: unknown): void => write(process.stdout, `${json(value, 2)}\n`),
  /** The same in one line. */
  documentInLine: (value: unknown): void => write(process.stdout, `${json(value)}\n`),
  /** What is said beside the result, on stderr. */
  note: (text: string): void => {
    if (!quiet) write(process.stderr, `${shown(text)}\n`)
  },
  /** Why there is no result, on stderr. */
  error: (text: string): void => write(process.stderr, `${shown(text)}\n`),
  /** How a command prints: with `quiet` nothing beside its result; a `token` is a secret. */
  begin: (manner: { readonly quiet?: boolean | undefined; readonly token?: string | undefined }): void => {
    quiet = manner.quiet ?? false
    if (manner.token !== undefined) addSecret(manner.token)
  },
  get quiet(): boolean {
    return quiet
  },
  /** A line on another stream. */
  line: (text: string, stream: Stream): void => write(stream, `${shown(text)}\n`),
  /** A line over the last one on a terminal. */
  redraw: (text: string, stream: Stream): void => write(stream, `\r\u001b[K${shown(text)}`),
} as const

/** Secrets are looked for in each text alone: once it is quoted, they may look otherwise, and what begins in one would end in another. */
function json(value: unknown, indent?: number): string {
  const remove = secretsRemover()
  return asciiControls(JSON.stringify(value, (_, part: unknown) => removed(part, remove), indent))
}

function removed(part: unknown, remove: (text: string) => string): unknown {
  if (typeof part === 'string') return remove(part)
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
  return Object.fromEntries(Object.entries(part).map(([key, item]) => [remove(key), item]))
}

/** JSON spells C0 by itself; C1 and marks of direction are spelled as JSON has them, which changes no value. */
const asciiControls = (json: string): string => json.split('\n').map(printable).join('\n')

/** What can befall the streams of a process: `closed` when nobody reads its result any more, `failed` for anything else. */
export function watchStreams(on: { readonly closed: () => void; readonly failed: (error: Error) => void }): void {
  process.stdout.on('error', error => (isClosed(error) ? on.closed() : on.failed(Object.assign(error, { path: 'stdout' }))))
  // Nothing is lost with a message that nobody reads.
  process.stderr.on('error', () => {})
}
