import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkpointErrors, MAX_FILE_BYTES } from '@silane/checkpoint'
import type { Checkpoint } from '@silane/core'

type CopySource = Pick<Checkpoint, 'path' | 'location'>

/** Copies files of the checkpoint, unchanged, to these names. Throws what `path` of a checkpoint throws, and E_FILE_SIZE: weights are not among them. */
export async function copyFiles(names: Readonly<Record<string, string>>, { path, location }: CopySource, folder: string): Promise<void> {
  for (const [name, file] of Object.entries(names)) {
    const from = path(file)
    const { size } = await stat(from)
    if (size > MAX_FILE_BYTES) throw checkpointErrors.E_FILE_SIZE({ file, size, limit: MAX_FILE_BYTES, where: location })
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await copyFile(from, join(folder, name))
  }
}

export async function writeTexts(folder: string, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
