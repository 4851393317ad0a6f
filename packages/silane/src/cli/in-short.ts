import { inOneLine } from '../printable.ts'

/** Characters of a text of a file that are shown: more than any name, path or setting that a person reads. */
const MAX_TEXT = 500

/** Entries of a list or object that are shown. A config.json has some hundred. */
const MAX_ENTRIES = 1000

/** A text of a file as it stands in a line or cell: files may hold megabytes where a name belongs. */
export const inShort = (text: string, most = MAX_TEXT): string =>
  inOneLine(text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text)

/** The first of many, each made a text, and how many more there are. */
export function listInShort<T>(items: readonly T[], show: (item: T) => string, most = MAX_ENTRIES): string[] {
  const more = items.length - most
  return [...items.slice(0, most).map(show), ...(more > 0 ? [`… ${more} more`] : [])]
}

/** A document for a person: every text and list in it, and every name, is short. */
export function documentInShort(value: unknown): unknown {
  if (typeof value === 'string') return inShort(value)
  if (Array.isArray(value)) return value.length > MAX_ENTRIES ? [...firstOf(value), `… ${value.length - MAX_ENTRIES} more`] : firstOf(value)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).slice(0, MAX_ENTRIES + 1)
  const shown = entries.slice(0, MAX_ENTRIES).map(([key, item]) => [inShort(key), documentInShort(item)])
  return Object.fromEntries(entries.length > MAX_ENTRIES ? [...shown, ['…', `${Object.keys(value).length - MAX_ENTRIES} more`]] : shown)
}

const firstOf = (list: readonly unknown[]): unknown[] => list.slice(0, MAX_ENTRIES).map(documentInShort)
