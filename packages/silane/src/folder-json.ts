import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { folderFile, MAX_FILE_BYTES, readJsonFile } from '@silane/checkpoint'
import { isJsonObject, type JsonObject } from '@silane/core'
import { errors } from './errors.ts'

/** A JSON object among the files of a converted folder; undefined where there is no such file. Throws what `folderFile` and `readJsonFile` throw, and E_FOLDER_FILE. */
export function readFolderJson(folder: string, name: string): JsonObject | undefined {
  const file = join(folder, name)
  if (!existsSync(file)) return undefined
  folderFile(folder, { file: name, where: folder }, { limit: MAX_FILE_BYTES })
  const json = readJsonFile(file, { file: name, where: folder })
  if (isJsonObject(json)) return json
  throw errors.E_FOLDER_FILE({ file: name, problem: 'it is no JSON object', where: folder })
}
