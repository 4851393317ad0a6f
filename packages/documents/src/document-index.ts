import { closeSync, existsSync, fstatSync, lstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { errors as coreErrors, type Json } from '@silane/core'
import { getLoadablePath } from 'sqlite-vec'
import type { Document } from './document.ts'
import { errors } from './errors.ts'
import { jsonOf } from './json-of.ts'
import { MAX_LINE_BYTES } from './read-documents.ts'
import { giveName, removeUnnamed, unnamedFile } from './unnamed-file.ts'

export const metrics = ['cosine', 'dot'] as const

/** How alike two vectors are: the cosine of their angle, or their product, in which their lengths count. */
export type Metric = (typeof metrics)[number]

/** What an index is of. It stands in the file, and whoever opens it with something else is refused. */
export interface IndexAbout {
  /** Tells the model that the passages were embedded with. */
  readonly documentModel: string
  /** Tells the model that questions are embedded with; the same, unless it is another one. */
  readonly questionModel: string
  readonly dimension: number
  readonly metric: Metric
  /** How long texts were cut, if they were. */
  readonly chunking: { readonly tokens: number; readonly overlap: number } | null
  /** Versions of what made it, by name. */
  readonly versions: Readonly<Record<string, string>>
}

/** A passage that was found. */
export interface Hit extends Document {
  /** Higher is more alike. */
  readonly score: number
}

export interface SearchOptions {
  /** How many, the best first. Default: 5. */
  readonly count?: number
  /** `exact` looks at every vector; `bits` at the signs of all, and at the vectors of those that come nearest. Default: exact. */
  readonly method?: 'exact' | 'bits'
}

/** Documents and their vectors. */
export interface DocumentIndex {
  readonly about: IndexAbout
  /** Whether all documents of the last run went in. */
  readonly finished: boolean
  count(): number
  has(id: string): boolean
  /** Takes all of them or, where the process ends meanwhile, none. */
  add(documents: readonly (Document & { readonly vector: Float32Array })[]): void
  search(vector: Float32Array, options?: SearchOptions): readonly Hit[]
  /** Says that everything went in. */
  finish(): void
  close(): void
}

/** Candidates whose vectors are looked at for each one that is wanted. sqlite-vec gives 4096 at most. */
const CANDIDATES_PER_HIT = 50
const MOST_CANDIDATES = 4096

/** Version of the tables below. */
const SCHEMA = '1'

/** The first 16 bytes of every SQLite file. */
const MAGIC = 'SQLite format 3\0'

/** Elements of a vector that sqlite-vec takes. */
const MAX_DIMENSION = 8192

/** Makes an index, or opens one that this very model made to go on with it. Throws E_INDEX_FILE, E_INDEX_MODEL and E_UNSUPPORTED. */
export function createIndex(file: string, about: IndexAbout): DocumentIndex {
  if (existsSync(file)) return reopened(file, about)
  if (about.dimension > MAX_DIMENSION)
    throw coreErrors.E_UNSUPPORTED({ what: `The vectors have ${about.dimension} elements; an index holds up to ${MAX_DIMENSION}.` })
  // It gets its name when it is whole: a process that is killed meanwhile leaves nothing under it.
  const unnamed = unnamedFile(file)
  removeUnnamed(file)
  const db = opened(unnamed)
  // SQLite walks a long value page by page: chunks of few vectors on large pages let one vector be read without reading thousands.
  db.exec('pragma page_size = 65536')
  db.exec('begin')
  db.exec(ABOUT_TABLE)
  db.exec(DOCUMENTS_TABLE)
  db.exec(vectorsTable(about))
  const put = db.prepare('insert into about values (?, ?)')
  for (const [key, value] of Object.entries({ schema: SCHEMA, ...about, finished: false })) put.run(key, JSON.stringify(value))
  db.exec('commit')
  db.close()
  return giveName(unnamed, file) ? indexOf(opened(file), file, about) : reopened(file, about)
}

/** An index that is there already. Throws E_INDEX_MODEL where it is of something else. */
function reopened(file: string, about: IndexAbout): DocumentIndex {
  const found = openIndex(file)
  try {
    for (const key of ['documentModel', 'questionModel', 'dimension', 'metric', 'chunking'] as const) {
      const [then, now] = [found.about[key], about[key]].map(value => JSON.stringify(value))
      if (then !== now) throw errors.E_INDEX_MODEL({ file, problem: `its ${key} is ${then}, and now it is ${now}` })
    }
  } catch (error) {
    found.close()
    throw error
  }
  return found
}

/** Opens an index to search in it. Throws E_INDEX_FILE. */
export function openIndex(file: string): DocumentIndex {
  if (!existsSync(file)) throw errors.E_INDEX_FILE({ file, problem: 'there is no such file' })
  checkFiles(file)
  rollBack(file)
  const problem = problemOf(file)
  if (problem !== undefined) throw errors.E_INDEX_FILE({ file, problem })
  const db = opened(file)
  try {
    checkTables(db, file)
    return indexOf(db, file, readAbout(db, file))
  } catch (cause) {
    db.close()
    throw coded(file, cause)
  }
}

/**
 * Throws E_INDEX_FILE unless the file and those that SQLite takes for parts of it are plain files: opening a pipe may wait for ever, and a
 * link beside an index is followed and written through. The index itself may be a link, and then they lie beside what it names.
 */
function checkFiles(file: string): void {
  if (!statSync(file).isFile()) throw errors.E_INDEX_FILE({ file, problem: 'it is no file' })
  for (const end of ['-journal', '-wal', '-shm']) {
    const beside = lstatSync(`${realpathSync(file)}${end}`, { throwIfNoEntry: false })
    if (beside?.isFile() === false)
      throw errors.E_INDEX_FILE({ file, problem: `what is called the same with ${end} at its end is no file` })
  }
}

/**
 * Undoes what a process that was killed had begun to write: its journal is still there, and until SQLite has read it the header may tell
 * of pages that never came.
 */
function rollBack(file: string): void {
  if (!existsSync(`${realpathSync(file)}-journal`)) return
  const db = new DatabaseSync(file)
  try {
    db.prepare('select count(*) from sqlite_schema').get()
  } catch {
    // Whatever it is, it is no index; what follows says so.
  } finally {
    db.close()
  }
}

/** Bytes of the header that tell what the file is, and how many pages of which size it has (sqlite.org/fileformat.html, §1.3). */
const HEADER = 32
const [PAGE_SIZE_AT, PAGES_AT] = [16, 28]

/** What is wrong with a file that SQLite might not see: it reads what is there, and pads a page that is not whole. */
function problemOf(file: string): string | undefined {
  const head = Buffer.alloc(HEADER)
  const at = openSync(file, 'r')
  try {
    const size = fstatSync(at).size
    readSync(at, head, 0, head.length, 0)
    if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) return 'it is no SQLite file'
    const pageSize = head.readUInt16BE(PAGE_SIZE_AT)
    // 65536 does not fit, and is written as 1.
    return size < head.readUInt32BE(PAGES_AT) * (pageSize === 1 ? 65536 : pageSize) ? 'it is cut short' : undefined
  } catch {
    return 'it is no file that can be read'
  } finally {
    closeSync(at)
  }
}

function opened(file: string): DatabaseSync {
  let db: DatabaseSync
  try {
    db = new DatabaseSync(file, { allowExtension: true })
  } catch (cause) {
    throw coded(file, cause)
  }
  db.loadExtension(getLoadablePath())
  db.enableLoadExtension(false)
  try {
    // What a process that was killed had not committed is not there; what it had is.
    db.exec('pragma trusted_schema = off; pragma journal_mode = delete; pragma synchronous = full')
  } catch (cause) {
    db.close()
    throw coded(file, cause)
  }
  return db
}

/** What SQLite says of a file, and what Node says of a value in it that has no place in JavaScript. */
const OF_THE_FILE: ReadonlySet<unknown> = new Set(['ERR_SQLITE_ERROR', 'ERR_OUT_OF_RANGE', 'ERR_STRING_TOO_LONG'])

/** What is wrong with a file, as an error of ours. */
function coded(file: string, cause: unknown): unknown {
  const ofTheFile = cause instanceof Error && 'code' in cause && OF_THE_FILE.has(cause.code)
  return ofTheFile ? errors.E_INDEX_FILE({ file, problem: cause.message }, { cause }) : cause
}

const ABOUT_TABLE = 'create table about(key text primary key, value text not null) without rowid'
const DOCUMENTS_TABLE =
  'create table documents(number integer primary key, id text not null unique, source text, title text, text text not null, meta text)'
const vectorsTable = ({ dimension, metric }: Pick<IndexAbout, 'dimension' | 'metric'>): string =>
  `create virtual table vectors using vec0(chunk_size=128, embedding float[${dimension}]${metric === 'cosine' ? ' distance_metric=cosine' : ''}, signs bit[${signBits(dimension)}])`

/** Tables that sqlite-vec keeps for `vectors`, and SQLite for itself. */
const KEPT = /^(?:vectors_(?:info|chunks|rowids|vector_chunks\d\d)|sqlite_(?:autoindex_\w+|sequence))$/

/** There are no more rows than that in any index, and none of them has more bytes: `create virtual table vectors …` has 150. */
const MAX_SCHEMA_ROWS = 32
const MAX_SCHEMA_BYTES = 1000

/**
 * Throws E_INDEX_FILE unless the file has our tables and nothing else, as SQL that we write: a view or a trigger under the name of a table
 * is code of whoever made the file, which may run for ever. No query runs before.
 */
function checkTables(db: DatabaseSync, file: string): void {
  const long = ['type', 'name', 'tbl_name', 'sql'].map(column => `octet_length(${column}) > ${MAX_SCHEMA_BYTES}`).join(' or ')
  if (db.prepare(`select 1 from sqlite_schema where ${long}`).get())
    throw errors.E_INDEX_FILE({ file, problem: 'its tables are not those of an index' })
  const rows = db.prepare(`select type, name, tbl_name as owner, sql from sqlite_schema limit ${MAX_SCHEMA_ROWS + 1}`).all()
  const tables = new Map<string, string>()
  for (const { type, name, owner, sql } of rows) {
    const index = type === 'index' && sql === null && (owner === 'about' || owner === 'documents' || KEPT.test(String(owner)))
    if (index) continue
    const known = type === 'table' && (['about', 'documents', 'vectors'].includes(String(name)) || KEPT.test(String(name)))
    if (!known || typeof sql !== 'string') throw errors.E_INDEX_FILE({ file, problem: `it has the ${type} ${JSON.stringify(name)}` })
    if (KEPT.test(String(name)) && (!/^create table /i.test(sql) || /\b(?:as|check|default)\b\s*\(/i.test(sql)))
      throw errors.E_INDEX_FILE({ file, problem: `${JSON.stringify(name)} is no plain table` })
    tables.set(String(name), sql)
  }
  const lower = (name: string): string => tables.get(name)?.replace(/^create (virtual )?table /i, start => start.toLowerCase()) ?? ''
  const vectors = /embedding float\[(\d{1,6})\]( distance_metric=cosine)?/.exec(lower('vectors'))
  const made = vectorsTable({ dimension: Number(vectors?.[1] ?? 0), metric: vectors?.[2] === undefined ? 'dot' : 'cosine' })
  const ours = lower('about') === ABOUT_TABLE && lower('documents') === DOCUMENTS_TABLE && lower('vectors') === made
  if (rows.length > MAX_SCHEMA_ROWS || !ours) throw errors.E_INDEX_FILE({ file, problem: 'its tables are not those of an index' })
}

/** The value of JSON in a table. Throws E_INDEX_FILE. */
function parsed(text: string, file: string, what: string): Json {
  const json = jsonOf(text)
  if ('problem' in json) throw errors.E_INDEX_FILE({ file, problem: `${what}: ${json.problem}` })
  return json.value
}

type Row = Readonly<Record<string, SQLOutputValue>>

/**
 * Bytes of a text in a row. A line of documents has a fifth at most, and what is made of it is longer by less than that: a broken byte
 * becomes three, and the number 1e20 has 21 digits in meta.
 */
const MAX_TEXT_BYTES = 5 * MAX_LINE_BYTES

/**
 * A column as SQL that gives its text, null where it is null, and 0 where it is anything else or has more bytes than that. SQLite does the
 * looking, so that what is too long is not read: `octet_length` and `typeof` know it from the head of the row.
 */
const textWithin = (column: string, bytes: number): string =>
  `case typeof(${column}) when 'text' then case when octet_length(${column}) <= ${bytes} then ${column} else 0 end when 'null' then null else 0 end as ${column}`

/** A text of a row that `textWithin` selected. Throws E_INDEX_FILE. */
function textOf(value: SQLOutputValue | undefined, file: string, what: string): string {
  if (typeof value !== 'string') throw errors.E_INDEX_FILE({ file, problem: `${what} is no text, or longer than is read` })
  return value
}

/** Bytes of a value of `about`: tells of models have 64, and versions by name come to hundreds. */
const MAX_ABOUT_BYTES = 64_000

function readAbout(db: DatabaseSync, file: string): IndexAbout {
  // All rows in turn: to look for a key SQLite would read whole rows.
  const rows = db
    .prepare(`select ${textWithin('key', MAX_ABOUT_BYTES)}, ${textWithin('value', MAX_ABOUT_BYTES)} from about limit 100`)
    .all()
  const found: { readonly [key: string]: unknown } = Object.fromEntries(
    rows.map(row => {
      const key = textOf(row.key, file, 'a key of what it is of')
      return [key, parsed(textOf(row.value, file, `its ${key}`), file, `its ${key}`)]
    }),
  )
  const { schema, documentModel, questionModel, dimension, metric, chunking, versions } = found
  if (schema !== SCHEMA) throw errors.E_INDEX_FILE({ file, problem: `its tables are of version ${JSON.stringify(schema)}, not ${SCHEMA}` })
  const known = metrics.find(name => name === metric)
  if (
    typeof documentModel !== 'string' ||
    typeof questionModel !== 'string' ||
    !Number.isSafeInteger(dimension) ||
    typeof dimension !== 'number' ||
    !known
  )
    throw errors.E_INDEX_FILE({ file, problem: 'it does not say what it is of' })
  // The count of both tables is the same after every commit; a file that was put together by hand may have others.
  const counts = db.prepare('select (select count(*) from documents) as texts, (select count(*) from vectors) as vectors').get() as Row
  if (counts.texts !== counts.vectors)
    throw errors.E_INDEX_FILE({ file, problem: `it has ${counts.texts} texts and ${counts.vectors} vectors` })
  return {
    documentModel,
    questionModel,
    dimension,
    metric: known,
    chunking: chunking as IndexAbout['chunking'],
    versions: versions as IndexAbout['versions'],
  }
}

/**
 * The nearest of positive cosine. A vector of zeros has no distance, nor has one that is not finite, and sqlite-vec, which compares with
 * it all the same, would put it first and lose others; the bound leaves it out. Where fewer are found than are wanted, all are looked at.
 */
const NEAREST = 'select rowid as number, distance from vectors where embedding match ? and k = ? and distance < 1 order by distance'

const DOCUMENT = `select ${['id', 'source', 'title', 'text', 'meta'].map(column => textWithin(column, MAX_TEXT_BYTES)).join()} from documents where number = ?`

function indexOf(db: DatabaseSync, file: string, about: IndexAbout): DocumentIndex {
  const { dimension, metric } = about
  const statements = new Map<string, StatementSync>()
  const statement = (sql: string): StatementSync => {
    const known = statements.get(sql) ?? db.prepare(sql)
    statements.set(sql, known)
    return known
  }
  const guarded = <T>(run: () => T): T => {
    try {
      return run()
    } catch (cause) {
      throw coded(file, cause)
    }
  }
  const checked = (vector: Float32Array): Float32Array => {
    if (vector.length !== dimension || !vector.every(Number.isFinite))
      throw errors.E_INDEX_VECTOR({ expected: dimension, actual: vector.length })
    return vector
  }
  const flag = (value: boolean) => statement(`update about set value = ? where key = 'finished'`).run(JSON.stringify(value))
  const document = (number: number): Document => {
    const row = statement(DOCUMENT).get(number)
    if (!row) throw errors.E_INDEX_FILE({ file, problem: `there is no text for vector ${number}` })
    const text = (column: string): string => textOf(row[column], file, `the ${column} of document ${number}`)
    return {
      id: text('id'),
      text: text('text'),
      ...(row.title === null ? {} : { title: text('title') }),
      ...(row.source === null ? {} : { source: text('source') }),
      ...(row.meta === null ? {} : { meta: parsed(text('meta'), file, `the meta of document ${number}`) }),
    }
  }

  const count = (): number => Number((statement('select count(*) as count from documents').get() as Row).count)

  /** Numbers of documents with their scores, the best first. */
  const exact = (vector: Float32Array, wanted: number): readonly Scored[] => {
    if (metric === 'cosine' && wanted <= MOST_CANDIDATES) {
      const found = statement(NEAREST).all(vector, wanted) as Row[]
      if (found.length === Math.min(wanted, count()))
        return found.map(({ number, distance }) => ({ number: Number(number), score: 1 - Number(distance) }))
    }
    // sqlite-vec has no product; and of the best only so many are kept.
    return best(statement('select rowid as number, embedding from vectors').iterate() as Iterable<Row>, { vector, metric, wanted, file })
  }
  const bits = (vector: Float32Array, wanted: number): readonly Scored[] => {
    const near = statement('select rowid as number from vectors where signs match vec_bit(?) and k = ?').all(
      signsOf(vector),
      Math.min(MOST_CANDIDATES, wanted * CANDIDATES_PER_HIT),
    ) as Row[]
    const embedding = statement('select rowid as number, embedding from vectors where rowid = ?')
    const rows = near.map(({ number }) => {
      const row = embedding.get(number as number)
      if (!row) throw errors.E_INDEX_FILE({ file, problem: `it tells of a vector ${number} that is not there` })
      return row
    })
    return best(rows, { vector, metric, wanted, file })
  }

  return {
    about,
    get finished() {
      return guarded(() => statement(`select 1 from about where key = 'finished' and value = 'true'`).get() !== undefined)
    },
    count: () => guarded(count),
    has: id => guarded(() => statement('select 1 from documents where id = ?').get(id) !== undefined),
    add: documents =>
      guarded(() => {
        for (const { vector } of documents) checked(vector)
        db.exec('begin immediate')
        try {
          flag(false)
          for (const { id, source = null, title = null, text, meta, vector } of documents) {
            const columns = [id, source, title, text, meta === undefined ? null : JSON.stringify(meta)]
            if (columns.some(column => column !== null && Buffer.byteLength(column) > MAX_TEXT_BYTES))
              throw errors.E_DOCUMENTS({ file, problem: `no text of a document may have more than ${MAX_TEXT_BYTES} bytes` })
            const { lastInsertRowid } = statement('insert into documents(id, source, title, text, meta) values (?, ?, ?, ?, ?)').run(
              ...columns,
            )
            statement('insert into vectors(rowid, embedding, signs) values (?, ?, vec_bit(?))').run(
              BigInt(lastInsertRowid),
              vector,
              signsOf(vector),
            )
          }
          db.exec('commit')
        } catch (error) {
          db.exec('rollback')
          throw error
        }
      }),
    search: (vector, { count: wanted = 5, method = 'exact' } = {}) =>
      guarded(() => {
        checked(vector)
        if (count() === 0) throw errors.E_INDEX_EMPTY({ file })
        const found = method === 'exact' ? exact(vector, wanted) : bits(vector, wanted)
        return found.map(({ number, score }): Hit => ({ ...document(number), score }))
      }),
    finish: () => guarded(() => void flag(true)),
    close: () => db.close(),
  }
}

interface Scored {
  readonly number: number
  readonly score: number
}

interface Comparison {
  readonly vector: Float32Array
  readonly metric: Metric
  readonly wanted: number
  readonly file: string
}

/** The best of these rows, the first of equals first. Throws E_INDEX_FILE for a vector that is none. */
function best(rows: Iterable<Row>, { vector, metric, wanted, file }: Comparison): readonly Scored[] {
  const length = norm(vector)
  let kept: Scored[] = []
  let least = Number.NEGATIVE_INFINITY
  for (const { number, embedding } of rows) {
    if (!(embedding instanceof Uint8Array) || embedding.byteLength !== vector.byteLength)
      throw errors.E_INDEX_FILE({ file, problem: `vector ${number} has another size` })
    const other = new Float32Array(embedding.buffer, embedding.byteOffset, vector.length)
    const product = dot(vector, other)
    // Products of what is finite in fp32 are finite here, in fp64.
    if (!Number.isFinite(product)) throw errors.E_INDEX_FILE({ file, problem: `vector ${number} has elements that are not finite` })
    const score = metric === 'dot' ? product : product / (length * norm(other) || 1)
    if (kept.length >= 2 * wanted && score <= least) continue
    kept.push({ number: Number(number), score })
    // Sorted now and then, not for each.
    if (kept.length >= 4 * wanted) {
      kept = ranked(kept).slice(0, wanted)
      least = kept.at(-1)?.score ?? least
    }
  }
  return ranked(kept).slice(0, wanted)
}

const ranked = (found: readonly Scored[]): Scored[] => [...found].sort((a, b) => b.score - a.score || a.number - b.number)

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

const norm = (a: Float32Array): number => Math.sqrt(dot(a, a))

/** Whole bytes, as sqlite-vec has them. */
const signBits = (dimension: number): number => 8 * Math.ceil(dimension / 8)

/** A bit for each element, 1 where it is above 0, the first in the lowest place. */
function signsOf(vector: Float32Array): Uint8Array {
  const bits = new Uint8Array(signBits(vector.length) / 8)
  for (const [i, element] of vector.entries()) if (element > 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
  return bits
}
