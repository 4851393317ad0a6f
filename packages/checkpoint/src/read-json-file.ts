import { readFileSync, statSync } from 'node:fs'
import { type Json, type JsonSource, parseJson } from '@silane/core'
import { errors } from './errors.ts'

/**
 * Bytes of JSON that is read, by the names of files: a tokenizer, a vocabulary, an index of shards, of which the largest in use have 35, 10
 * and 10 MB, and settings. Of these most have some kilobytes, and a tokenizer_config.json that describes 65,000 added tokens 12 MB. One
 * character of a script other than Latin makes the text, and each string in it, twice as long as the file: five times its bytes in all.
 */
const MAX_TABLE_BYTES = 128_000_000
const MAX_SETTINGS_BYTES = 64_000_000

/** The most bytes of a JSON file of this name. */
export const jsonLimit = (file: string): number =>
  /(?:^|\/)(?:tokenizer|vocab|[^/]*\.index)\.json$/.test(file) ? MAX_TABLE_BYTES : MAX_SETTINGS_BYTES

/**
 * The value in a JSON file of somebody else: a regular file of a bounded size, UTF-8, nested no deeper and with no more values than
 * `parseJson` allows. Throws E_FILE_READ, E_FILE_SIZE, E_JSON and E_JSON_LIMIT; what the value is, the caller checks.
 */
export function readJsonFile(path: string, { file, where }: JsonSource, limit = jsonLimit(file)): Json {
  return parseJson(bytesOf(path, { file, where }, limit), { file, where })
}

function bytesOf(path: string, { file, where }: JsonSource, limit: number): Uint8Array {
  try {
    const stat = statSync(path)
    // Before opening: a pipe or a device under the name of a file would be read for ever.
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size <= limit) return readFileSync(path)
    throw errors.E_FILE_SIZE({ file, size: stat.size, limit, where })
  } catch (cause) {
    if (!(cause instanceof Error) || 'what' in cause) throw cause
    throw errors.E_FILE_READ({ file, problem: cause.message, where }, { cause })
  }
}
