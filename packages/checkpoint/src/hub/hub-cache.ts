import { randomUUID } from 'node:crypto'
import { existsSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants, copyFile, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { getRepoFolderName } from '@huggingface/hub'
import { errors } from '../errors.ts'
import { makeFolder } from '../make-folder.ts'
import type { HubFile } from './hub-client.ts'
import { smallFile } from './small-file.ts'

/**
 * One model in the cache that all Hugging Face libraries share: `blobs` by content, `snapshots` of links to them, `refs` to commits.
 * Others may write there too, or may have packed it: what is a link is never written through.
 */
export class HubCache {
  readonly #folder: string

  constructor(cacheDir: string, name: string) {
    this.#folder = join(cacheDir, getRepoFolderName({ type: 'model', name }))
  }

  /** The commit that a revision stood for when it was last looked up. */
  commit(revision: string): string | undefined {
    const text = smallFile(join(this.#folder, 'refs', revision))
    return text !== undefined && /^[0-9a-f]{40}$/.test(text) ? text : undefined
  }

  remember(revision: string, commit: string): void {
    if (revision === commit || this.commit(revision) === commit) return
    const path = join(this.#folder, 'refs', revision)
    makeFolder(dirname(path))
    // The name is somebody's choice, so that it must not be looked for in a folder elsewhere.
    if (relative(realpathSync(this.#folder), realpathSync(dirname(path))).startsWith('..')) throw this.#leadsOut(dirname(path))
    // Another reader sees the old commit or the new one, and a link of this name is replaced, not followed.
    const fresh = join(this.#folder, `.silane-ref-${randomUUID()}`)
    try {
      writeFileSync(fresh, commit, { flag: 'wx' })
      renameSync(fresh, path)
    } catch (error) {
      rmSync(fresh, { force: true })
      throw error
    }
  }

  /** Whether a commit is known to have no such file: an empty one stands for it, as the Python library notes that too. */
  lacks(commit: string, file: string): boolean {
    return existsSync(this.#absent(commit, file))
  }

  /** Notes it. Where that cannot be written, as in a cache that is only read, nothing is lost but a question less to the hub. */
  noteLack(commit: string, file: string): void {
    try {
      makeFolder(dirname(this.#absent(commit, file)))
      writeFileSync(this.#absent(commit, file), '', { flag: 'wx' })
    } catch {}
  }

  #absent(commit: string, file: string): string {
    return join(this.#folder, '.no_exist', commit, file)
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
    makeFolder(dirname(path))
    try {
      await symlink(relative(dirname(path), blob), path)
    } catch (error) {
      if (await stat(path).catch(() => undefined)) return
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      // A link that leads nowhere, since its blob was removed under another name.
      if (code === 'EEXIST') {
        await rm(path)
        await symlink(relative(dirname(path), blob), path)
        // Windows allows links to developers and administrators alone.
      } else if (code === 'EPERM') await copyFile(blob, path, constants.COPYFILE_EXCL)
      else throw error
    }
  }

  #leadsOut(folder: string): Error {
    return errors.E_HUB_CACHE({
      folder: this.#folder,
      problem: `${folder} is a link out of it`,
      next: 'Do not trust a cache that came so. In one of your own, put a folder in its place.',
    })
  }
}
