import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isSilaneError } from '@silane/core'
import { onTestFinished } from 'vitest'

/** A folder with the given files, gone after the test. */
export function temporary(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'silane-checkpoint-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

/** Code and text of the error that a call ends with, places of this machine replaced. */
export async function failure(call: () => unknown, ...places: readonly string[]): Promise<string> {
  try {
    await call()
  } catch (error) {
    if (!isSilaneError(error)) throw error
    return places.reduce((text, place) => text.replaceAll(place, '<place>'), `${error.code}: ${error.message}`)
  }
  throw new Error('no error')
}
