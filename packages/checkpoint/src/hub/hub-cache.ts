import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { copyFile, mkdir, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { getRepoFolderName } from '@huggingface/hub'
import type { HubFile } from './hub-client.ts'

/** One model in the cache that all Hugging Face libraries share: `blobs` by content, `snapshots` of links to them, `refs` to commits. */
export class HubCache {
  readonly #folder: string

  constructor(cacheDir: string, name: string) {
    this.#folder = join(cacheDir, getRepoFolderName({ type: 'model', name }))
  }

  /** The commit that a revision stood for when it was last looked up. */
  commit(revision: string): string | undefined {
    const path = join(this.#folder, 'refs', revision)
    const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
    return /^[0-9a-f]{40}$/.test(text) ? text : undefined
  }

  remember(revision: string, commit: string): void {
    if (revision === commit || this.commit(revision) === commit) return
    const path = join(this.#folder, 'refs', revision)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, commit)
  }

  snapshot(commit: string): string {
    return join(this.#folder, 'snapshots', commit)
  }

  blob(file: HubFile): string {
    return join(this.#folder, 'blobs', file.oid)
  }

  /** Puts a blob into a snapshot under the name of the file. */
  async link(commit: string, file: HubFile): Promise<void> {
    const blob = this.blob(file)
    const path = join(this.snapshot(commit), file.path)
    await mkdir(dirname(path), { recursive: true })
    try {
      await symlink(relative(dirname(path), blob), path)
    } catch (error) {
      if (await stat(path).catch(() => undefined)) return
      // Windows allows links to developers and administrators alone.
      if (error instanceof Error && 'code' in error && error.code === 'EPERM') await copyFile(blob, path)
      else throw error
    }
  }
}
