import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Copies files of the checkpoint, unchanged. */
export async function copyFiles(names: readonly string[], pathOf: (name: string) => string, folder: string): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await copyFile(pathOf(name), join(folder, name))
  }
}

export async function writeTexts(folder: string, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
