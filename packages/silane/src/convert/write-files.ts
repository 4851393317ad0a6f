import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkpointErrors, MAX_FILE_BYTES } from '@silane/checkpoint'
import type { Checkpoint } from '@silane/core'
import { errors } from '../errors.ts'
import { formatBytes } from '../format-bytes.ts'

type CopySource = Pick<Checkpoint, 'path' | 'location'>

/** Of all files that are copied. The largest tokenizers have 40 MB in two forms, and a model has up to three. */
const MAX_COPIED_BYTES = 512_000_000

/**
 * Copies files of the checkpoint, unchanged, to these names. Throws what `path` of a checkpoint throws, and E_FILE_SIZE and E_COPIES:
 * weights are not among them.
 */
export async function copyFiles(names: Readonly<Record<string, string>>, { path, location }: CopySource, folder: string): Promise<void> {
  const sizes = new Map<string, number>()
  for (const file of Object.values(names)) {
    const { size } = await stat(path(file))
    if (size > MAX_FILE_BYTES) throw checkpointErrors.E_FILE_SIZE({ file, size, limit: MAX_FILE_BYTES, where: location })
    sizes.set(file, size)
  }
  const bytes = Object.values(names).reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0)
  const [largest = ''] = [...sizes.keys()].sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0))
  if (bytes > MAX_COPIED_BYTES)
    throw errors.E_COPIES({ bytes: formatBytes(bytes), largest, limit: formatBytes(MAX_COPIED_BYTES), where: location })
  for (const [name, file] of Object.entries(names)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await copyFile(path(file), join(folder, name))
  }
}

export async function writeTexts(folder: string, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
