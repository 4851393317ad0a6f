import { closeSync, openSync, readSync } from 'node:fs'
import { isScalar, isSeq, parseDocument } from 'yaml'

export const MODEL_CARD = 'README.md'

/** Licences and what goes with them: `LICENSE`, `LICENSE.txt`, `LICENCE-MIT.md`, `NOTICE`, `COPYING`. */
export const isLicenseFile = (file: string): boolean => /^(?:licen[sc]es?|notice|copying)(?:[._-][\w.-]*)?$/i.test(file)

/** What the model card says of a model in its front matter, by the names that the hub knows. */
export interface ModelCard {
  /** Identifiers of licences, such as `apache-2.0`; `other` where `licenseName` says more. */
  readonly licenses: readonly string[]
  readonly licenseName?: string
  /** An address, or a file of the checkpoint. */
  readonly licenseLink?: string
  readonly authors: readonly string[]
  readonly version?: string
  readonly baseModels: readonly string[]
  readonly languages: readonly string[]
  /** Why the front matter, or a part of it, was not read. */
  readonly notes: readonly string[]
}

/** The card with the most results of benchmarks in its front matter has 400 kB. */
const MAX_BYTES = 1 << 20

/** A word, a name, an address. */
const MAX_LENGTH = 1000

/** A model of many languages has a hundred. */
const MAX_ITEMS = 500

/** Of all that is wanted. The rest, such as results of benchmarks, may be as long as the front matter. */
const MAX_WANTED = 1 << 15

const KEYS = ['license', 'license_name', 'license_link', 'author', 'authors', 'version', 'base_model', 'language'] as const

type Key = (typeof KEYS)[number]

const NOTHING = { licenses: [], authors: [], baseModels: [], languages: [] } as const

/**
 * Reads the front matter of a model card. A card is prose for people, and no model is wrong because of it: what is broken in it is a note,
 * and what is no text, or no list of texts, is not there.
 */
export function readModelCard(path: string): ModelCard {
  const text = frontMatter(head(path))
  if (text === undefined) return { ...NOTHING, notes: [] }
  const unread = (problem: string): ModelCard => ({ ...NOTHING, notes: [`${MODEL_CARD}: its front matter was not read: ${problem}`] })
  if (text === 'endless') return unread(`it has no end within ${MAX_BYTES} bytes`)
  const wanted = wantedLines(text)
  if (wanted.length > MAX_WANTED) return unread(`what it says of license and authors is longer than ${MAX_WANTED} characters`)
  try {
    // Every scalar is the text that stands there: `no` is Norwegian, `1.10` a version. Aliases are nodes, and nothing follows them.
    const document = parseDocument(wanted, { schema: 'failsafe', logLevel: 'silent', prettyErrors: false })
    const [error] = document.errors
    if (error) throw error
    return facts(key => document.get(key, true))
  } catch (cause) {
    // Nothing that is wanted stands deep.
    if (cause instanceof RangeError) return unread('it is nested too deeply')
    return unread(firstLine(cause instanceof Error ? cause.message : String(cause)))
  }
}

/**
 * The entries of wanted keys. A key of the outermost mapping begins its line, and what belongs to it does not begin with one: nothing
 * else need be parsed, however long, deep or broken it is.
 */
function wantedLines(text: string): string {
  let wanted = false
  const lines = text.split(/\r?\n/).filter(line => {
    const [, key] = /^([^\s#:-][^:]{0,99}):(?:\s|$)/.exec(line) ?? []
    if (key !== undefined) wanted = KEYS.some(name => name === key)
    return wanted
  })
  return lines.join('\n')
}

/** The beginning of a file, as far as a front matter may reach. */
function head(path: string): string {
  const buffer = Buffer.alloc(MAX_BYTES)
  const file = openSync(path, 'r')
  try {
    let length = 0
    for (let read = -1; read !== 0 && length < MAX_BYTES; length += read) read = readSync(file, buffer, length, MAX_BYTES - length, length)
    return buffer.toString('utf8', 0, length)
  } finally {
    closeSync(file)
  }
}

/** What stands between the first line `---` and the next; undefined where a card begins otherwise. */
function frontMatter(text: string): string | 'endless' | undefined {
  const start = /^\uFEFF?---[ \t]*\r?\n/.exec(text)
  if (!start) return undefined
  const rest = text.slice(start[0].length)
  const end = /^---[ \t]*$/m.exec(rest)
  return end ? rest.slice(0, end.index) : 'endless'
}

function facts(get: (key: Key) => unknown): ModelCard {
  const notes: string[] = []
  const list = (key: Key): readonly string[] => {
    const node = get(key)
    const nodes = isSeq(node) ? node.items : [node]
    const texts = nodes.flatMap(item => (isScalar(item) ? plain(item.value) : []))
    const kept = texts.filter(text => text.length <= MAX_LENGTH).slice(0, MAX_ITEMS)
    if (kept.length < texts.length) notes.push(`${MODEL_CARD}: ${key} is too long; a part of it was left out`)
    return kept
  }
  const one = (key: Key): string | undefined => list(key)[0]
  const optional = (name: keyof ModelCard, value: string | undefined) => (value === undefined ? {} : { [name]: value })
  const authors = list('authors')
  return {
    licenses: list('license'),
    ...optional('licenseName', one('license_name')),
    ...optional('licenseLink', one('license_link')),
    authors: authors.length > 0 ? authors : list('author'),
    ...optional('version', one('version')),
    baseModels: list('base_model'),
    languages: list('language'),
    notes,
  }
}

/** A text on one line and without what a terminal would obey; nothing where YAML has a null. */
function plain(value: unknown): string[] {
  if (typeof value !== 'string') return []
  const text = value.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return text === '' || text === '~' || text.toLowerCase() === 'null' ? [] : [text]
}

const firstLine = (text: string): string => plain(text.split('\n')[0])[0] ?? 'it is broken'
