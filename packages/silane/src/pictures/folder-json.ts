import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '@silane/core'

/** A JSON object among the files of a converted folder; undefined where it is missing or none. */
export function readFolderJson(folder: string, name: string): { readonly [key: string]: Json } | undefined {
  const file = join(folder, name)
  const json: Json = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as { readonly [key: string]: Json }) : undefined
}
