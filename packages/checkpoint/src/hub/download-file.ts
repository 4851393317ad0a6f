import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { errors } from '../errors.ts'
import { makeFolder } from '../make-folder.ts'
import type { OpenOptions } from '../open-checkpoint.ts'
import { causeOf, type HubClient, type HubFile } from './hub-client.ts'
import { Unreachable } from './unreachable.ts'

/** Attempts in a row that bring nothing to speak of before a download is given up; one that brings bytes starts the count anew. */
export const MAX_ATTEMPTS = 5

/** Bytes. A connection that brings less within the patience (10 s) is taken for broken: the slowest that people have brings ten times as much. */
export const LEAST = 4096

/** Before the second attempt, in milliseconds; doubled for each one after it. */
export const FIRST_PAUSE = 200

/**
 * Downloads a file to `blob`, by way of `blob.incomplete`, and continues what an earlier run left there. Bytes are written to
 * their own places and nothing is cut off before the end, so two runs that load the same file do not harm each other.
 */
export async function downloadFile(client: HubClient, commit: string, file: HubFile, blob: string, options: OpenOptions): Promise<void> {
  if ((await sizeOf(blob)) === file.size) return
  const partial = `${blob}.incomplete`
  makeFolder(dirname(blob))
  const handle = await openOwn(partial)
  try {
    const kept = Math.min((await sizeOf(partial)) ?? 0, file.size)
    let digest = await transfer(client, commit, file, handle, kept, options)
    // What an earlier run left may be damaged, or not be in order: other libraries use the same name.
    if (digest !== file.oid && kept > 0) digest = await transfer(client, commit, file, handle, 0, options)
    if (digest !== file.oid) {
      await rm(partial, { force: true })
      throw errors.E_HUB_FILE({ file: file.path, problem: `its checksum is ${digest} instead of ${file.oid}`, where: client.model })
    }
    await handle.truncate(file.size)
  } finally {
    await handle.close()
  }
  // Another run may have been faster, and its file is the same.
  await rename(partial, blob).catch(async error => {
    if ((await sizeOf(blob)) !== file.size) throw error
  })
}

/**
 * Opens a file of the cache for reading and writing; made where it is not there. A link, or a file that has another name too, belongs to
 * somebody who did not ask for it to be written to: it gives way, and what it leads to stays as it is. So do pipes and devices.
 */
async function openOwn(path: string): Promise<FileHandle> {
  const there = await lstat(path).catch(() => undefined)
  if (there && !there.isDirectory() && !(there.isFile() && there.nlink === 1)) await rm(path, { force: true })
  // Windows does not know the flag; there links are made by developers and administrators alone.
  return await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o666)
}

const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.size

/** Fetches the bytes from `start` on and returns the checksum of all. */
async function transfer(
  client: HubClient,
  commit: string,
  file: HubFile,
  handle: FileHandle,
  start: number,
  { onProgress, signal }: OpenOptions,
): Promise<string> {
  let done = start
  const hash = createHash(file.oid.length === 64 ? 'sha256' : 'sha1')
  // Git's object id covers a header too.
  if (file.oid.length === 40) hash.update(`blob ${file.size}\0`)
  if (done > 0) for await (const chunk of handle.createReadStream({ start: 0, end: done - 1, autoClose: false })) hash.update(chunk)
  const report = () => onProgress?.({ file: file.path, bytes: done, total: file.size })
  report()
  for (let attempt = 1; done < file.size; ) {
    const before = done
    let problem = 'the connection was closed'
    const late = new AbortController()
    const stop = () => late.abort(signal?.reason)
    signal?.throwIfAborted()
    signal?.addEventListener('abort', stop)
    try {
      const answer = body(await client.download(commit, file, done, late), done)
      for await (const chunk of flowing(answer, client.patience.download, late)) {
        if (done + chunk.length > file.size)
          throw errors.E_HUB_FILE({ file: file.path, problem: 'it is longer than announced', where: client.model })
        await handle.write(chunk, 0, chunk.length, done)
        hash.update(chunk)
        done += chunk.length
        report()
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof Unreachable)) throw error
      problem = error.message
    } finally {
      signal?.removeEventListener('abort', stop)
    }
    if (done >= file.size) break
    attempt = done - before >= LEAST ? 1 : attempt + 1
    if (attempt > MAX_ATTEMPTS) throw errors.E_HUB_DOWNLOAD({ file: file.path, problem, kept: true, where: client.model })
    await setTimeout(FIRST_PAUSE * 2 ** (attempt - 1), undefined, signal ? { signal } : {})
  }
  return hash.digest('hex')
}

/** Passes chunks on while enough of them come. */
export async function* flowing(chunks: AsyncIterable<Uint8Array>, patience: number, late: AbortController): AsyncGenerator<Uint8Array> {
  let fresh = 0
  const timer = setInterval(() => {
    if (fresh < LEAST) late.abort(new Unreachable(`less than ${LEAST} bytes came in ${patience / 1000} s`))
    fresh = 0
  }, patience)
  try {
    for await (const chunk of chunks) {
      fresh += chunk.length
      yield chunk
    }
  } finally {
    clearInterval(timer)
  }
}

/** The bytes of an answer from `start` on. A server that knows no ranges sends all of them; what is there already is passed over. */
async function* body(response: Response, start: number): AsyncGenerator<Uint8Array> {
  if (response.status === 416 || !response.body) throw new Unreachable(`the server has nothing from byte ${start} on`)
  const range = /^bytes (\d+)-/.exec(response.headers.get('Content-Range') ?? '')
  let skip = response.status === 206 ? start - Number(range?.[1] ?? Number.NaN) : start
  if (!(skip >= 0)) throw new Unreachable('the server sent another part than the one asked for')
  try {
    for await (const chunk of response.body) {
      const rest = chunk.subarray(Math.min(skip, chunk.length))
      skip -= chunk.length - rest.length
      if (rest.length > 0) yield rest
    }
  } catch (cause) {
    throw new Unreachable(causeOf(cause), { cause })
  }
}
