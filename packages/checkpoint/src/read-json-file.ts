import { readFileSync, statSync } from 'node:fs'
import { type Json, type JsonSource, parseJson } from '@silane/core'
import { errors } from './errors.ts'
import { MAX_FILE_BYTES } from './folder-file.ts'

/**
 * The value in a JSON file of somebody else: a regular file of a bounded size, UTF-8, nested no deeper and with no more values than
 * `parseJson` allows. Throws E_FILE_READ, E_FILE_SIZE, E_JSON and E_JSON_LIMIT; what the value is, the caller checks.
 */
export function readJsonFile(path: string, { file, where }: JsonSource, limit = MAX_FILE_BYTES): Json {
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
