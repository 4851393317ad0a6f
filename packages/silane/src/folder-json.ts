import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '@silane/core'
import { errors } from './errors.ts'

type JsonObject = { readonly [key: string]: Json }

/** A JSON object among the files of a converted folder; undefined where there is no such file. Throws E_FOLDER_FILE. */
export function readFolderJson(folder: string, name: string): JsonObject | undefined {
  const file = join(folder, name)
  if (!existsSync(file)) return undefined
  let json: Json
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw errors.E_FOLDER_FILE({ file: name, problem: 'it is not JSON', where: folder }, { cause })
  }
  if (isObject(json)) return json
  throw errors.E_FOLDER_FILE({ file: name, problem: 'it is no JSON object', where: folder })
}

const isObject = (json: Json): json is JsonObject => typeof json === 'object' && json !== null && !Array.isArray(json)
