import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isJsonObject } from '@silane/core'
import type { Document } from './document.ts'
import { errors } from './errors.ts'
import { jsonOf } from './json-of.ts'

/** A line of a file of documents: what it holds, or what is wrong with it. */
export type DocumentLine =
  | { readonly line: number; readonly bytes: number; readonly document: Document }
  | { readonly line: number; readonly bytes: number; readonly problem: string }

/** The longest line that is parsed: a book has some megabytes, and of brackets alone so many become half a gigabyte. */
export const MAX_LINE_BYTES = 16_000_000

/**
 * The lines of a JSONL file, one after the other; empty ones are left out. A line that is no document has a problem, and so has one whose
 * id was met before: of two passages under one id only one could be found. Throws E_DOCUMENTS.
 */
export async function* readDocuments(file: string): AsyncGenerator<DocumentLine> {
  const found = await stat(file).catch(() => undefined)
  if (!found?.isFile()) throw errors.E_DOCUMENTS({ file, problem: found ? 'it is no file' : 'there is no such file' })
  const seen = new Set<string>()
  let line = 0
  for await (const { text, bytes, long } of linesOf(file)) {
    line++
    if (long) {
      yield { line, bytes, problem: `it is longer than ${MAX_LINE_BYTES} bytes` }
      continue
    }
    if (text.trim() === '') continue
    const made = documentOf(text)
    if (typeof made === 'string') yield { line, bytes, problem: made }
    else if (seen.has(made.id)) yield { line, bytes, problem: `the id "${made.id}" was used before` }
    else {
      seen.add(made.id)
      yield { line, bytes, document: made }
    }
  }
}

interface Line {
  readonly text: string
  /** With its end. */
  readonly bytes: number
  readonly long: boolean
}

async function* linesOf(file: string): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let length = 0
  const take = (end: number): Line => {
    const long = length > MAX_LINE_BYTES
    const text = long ? '' : Buffer.concat(parts).toString('utf8')
    const line = { text: text.replace(/^\uFEFF/, ''), bytes: length + end, long }
    parts = []
    length = 0
    return line
  }
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end))
      yield take(1)
      start = end + 1
    }
    add(chunk.subarray(start))
  }
  if (length > 0) yield take(0)

  function add(part: Buffer): void {
    length += part.length
    // Of a line that is too long nothing is kept.
    if (length <= MAX_LINE_BYTES) parts.push(part)
    else parts = []
  }
}

/** A document, or why a line is none. */
function documentOf(text: string): Document | string {
  const json = jsonOf(text)
  if ('problem' in json) return json.problem
  const { value: fields } = json
  if (!isJsonObject(fields)) return 'it is no JSON object'
  const known = ['id', 'title', 'source'].filter(key => fields[key] !== undefined && fields[key] !== null)
  const wrong = known.find(key => typeof fields[key] !== 'string')
  if (wrong !== undefined) return `"${wrong}" is no string`
  if (typeof fields.text !== 'string' || fields.text.trim() === '') return '"text" is missing or empty'
  if (fields.id === '') return '"id" is empty'
  // Halves of a character all become the same in the index, so that ids which differ would be one; and NUL ends a text elsewhere.
  if (typeof fields.id === 'string' && (!fields.id.isWellFormed() || fields.id.includes('\0')))
    return '"id" holds NUL or half of a character'
  const given = Object.fromEntries(known.map(key => [key, fields[key] as string])) as Partial<Record<'id' | 'title' | 'source', string>>
  const { meta } = fields
  return {
    ...given,
    id: given.id ?? documentId(fields.text, given.title),
    text: fields.text,
    ...(meta === undefined || meta === null ? {} : { meta }),
  }
}

/** The id of a document that has none: sha256 of its title and its text. */
export const documentId = (text: string, title = ''): string => createHash('sha256').update(`${title}\n${text}`).digest('hex')
