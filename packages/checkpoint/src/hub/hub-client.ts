import { setTimeout as pause } from 'node:timers/promises'
import { listFiles, modelInfo } from '@huggingface/hub'
import { isSilaneError } from '@silane/core'
import { z } from 'zod'
import { errors } from '../errors.ts'
import { inside } from '../inside.ts'
import type { OpenOptions } from '../open-checkpoint.ts'
import { boundedAnswer } from './bounded-answer.ts'
import type { HubSettings } from './hub-settings.ts'
import { retryAfter } from './retry-after.ts'
import { Unreachable } from './unreachable.ts'

/** Files and folders in the listings of a model. A repository with more is a training run with all its steps, or hostile. */
const MAX_LISTED = 20_000

/** A page of a listing has 1000 entries and some 300 kB; what is known of a model, with all its files, 5 MB. */
const MAX_BYTES = 64_000_000

/** Pages of one listing; MAX_LISTED entries come on 20. */
const MAX_PAGES = 100

/** How often a server that is overloaded, and says for how long, is asked again. */
const MAX_RETRIES = 5

/**
 * Milliseconds that one model is waited for in sum, where a server says again and again for how long. The hub counts requests in windows
 * of five minutes: who has waited so long is let in, or is kept for another reason.
 */
const MAX_WAITING = 300_000

/** A wait from which on it is told, in milliseconds; the pauses between attempts are as long. */
const TOLD = 2000

/** Encodings that fetch unpacks by itself. */
const UNPACKED = /\b(?:gzip|deflate|br|zstd)\b/i

/** Commits and object ids become names in the cache, so they must be what they claim. */
const Sha = z.string().regex(/^[0-9a-f]{40}$/)
const Entry = z.object({
  type: z.string(),
  path: z.string().refine(inside),
  size: z.int().nonnegative(),
  oid: Sha.optional(),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() }).optional(),
})

/** A file on the hub. */
export interface HubFile {
  readonly path: string
  readonly size: number
  /** Name of its content in the cache: SHA-256 for a large file, Git's object id for others. */
  readonly oid: string
}

/** The requests that a download needs, for one model. */
export class HubClient {
  /** `org/name@revision`, for messages. */
  readonly model: string
  readonly #settings: HubSettings
  readonly #name: string
  readonly #revision: string
  readonly #signal: AbortSignal | undefined
  readonly #onNote: OpenOptions['onNote']
  #listed = 0
  /** How long was waited since the server asked for it, and until when it is now. */
  readonly #waiting = { sum: 0, until: 0 }

  constructor(settings: HubSettings, name: string, revision: string, { signal, onNote }: Pick<OpenOptions, 'signal' | 'onNote'>) {
    this.model = `${name}@${revision}`
    this.#settings = settings
    this.#name = name
    this.#revision = revision
    this.#signal = signal
    this.#onNote = onNote
  }

  get patience(): HubSettings['patience'] {
    return this.#settings.patience
  }

  /** An answer that cannot be, E_HUB_RESPONSE. */
  wrong(problem: string, cause?: unknown): Error {
    return errors.E_HUB_RESPONSE({ problem, where: this.#settings.endpoint }, { cause })
  }

  /** The commit that the revision stands for now. */
  async commit(): Promise<string> {
    const { endpoint } = this.#settings
    const info = await this.#sensible(() =>
      modelInfo({ name: this.#name, revision: this.#revision, hubUrl: endpoint, additionalFields: ['sha'], fetch: this.#answer }),
    )
    const sha = Sha.safeParse(info.sha)
    if (!sha.success) throw this.wrong(`the commit of ${this.#name} is not a commit`)
    return sha.data
  }

  /** What one folder of a commit holds: files, and names of folders. Throws E_HUB_SUBFOLDER where there is none. */
  async list(commit: string, folder = ''): Promise<{ files: HubFile[]; folders: string[] }> {
    const { endpoint } = this.#settings
    const files: HubFile[] = []
    const folders: string[] = []
    let pages = 0
    const page = (input: string | URL | Request, init?: RequestInit) => {
      if (++pages > MAX_PAGES) throw this.wrong(`the listing of ${this.#name} has more than ${MAX_PAGES} pages`)
      return this.#answer(input, init)
    }
    return await this.#sensible(async () => {
      const entries = listFiles({ repo: this.#name, path: folder, revision: commit, hubUrl: endpoint, fetch: page })
      for await (const item of entries) {
        const entry = Entry.safeParse(item)
        if (!entry.success) throw this.wrong(`a listing of ${this.#name} has the entry ${JSON.stringify(item).slice(0, 200)}`)
        const { type, path, size, oid, lfs } = entry.data
        const id = lfs?.oid ?? oid
        if (type === 'directory') folders.push(path)
        else if (id !== undefined) files.push({ path, size: lfs?.size ?? size, oid: id })
        if (++this.#listed > MAX_LISTED)
          throw this.wrong(`${this.#name} has more than ${MAX_LISTED} files in the folders that are looked at`)
      }
      // Git knows no empty folder.
      if (folder !== '' && files.length + folders.length === 0) throw this.#noFolder(folder)
      return { files, folders }
    })
  }

  /** A file from a byte on, up to another one if that is said; `late` ends it. Throws E_HUB_RESPONSE where it comes compressed. */
  async download(commit: string, file: HubFile, start: number, late: AbortController, end?: number): Promise<Response> {
    const path = file.path.split('/').map(encodeURIComponent).join('/')
    const range = end !== undefined ? `bytes=${start}-${end - 1}` : start > 0 ? `bytes=${start}-` : undefined
    const response = await this.#fetch(
      `${this.#settings.endpoint}/${this.#name}/resolve/${commit}/${path}`,
      // A compressed answer would have another length, and parts of it would be parts of something else.
      { headers: { 'Accept-Encoding': 'identity', ...(range ? { Range: range } : {}) } },
      late,
    )
    // fetch would unpack it, a thousand bytes out of one.
    const packed = response.headers.get('Content-Encoding') ?? ''
    if (!UNPACKED.test(packed)) return response
    await response.body?.cancel()
    throw this.wrong(`${new URL(response.url).host} sends ${file.path} compressed (${packed}), which it was asked not to`)
  }

  /** An answer in JSON, which has an end that is near. */
  readonly #answer = (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const late = new AbortController()
    const bounds = { bytes: MAX_BYTES, time: this.#settings.patience.answer }
    return this.#fetch(input, init, late).then(response => boundedAnswer(response, bounds, reason => late.abort(reason)))
  }

  /** fetch with the token, the signal and errors that say what to do. The token goes to the hub alone, not to where it redirects. */
  async #fetch(input: string | URL | Request, init: RequestInit, late: AbortController): Promise<Response> {
    for (let retries = 0; ; retries++) {
      const response = await this.#attempt(input, init, late)
      const wait = response.status === 429 || response.status === 503 ? retryAfter(response.headers, Date.now()) : undefined
      if (wait === undefined || retries === MAX_RETRIES || !this.#mayWait(wait, response)) return this.#accept(response)
      await response.body?.cancel()
      await pause(wait, undefined, this.#signal ? { signal: this.#signal } : {})
    }
  }

  /** Whether the sum allows it. What is asked for at the same time waits at the same time, and counts once. */
  #mayWait(wait: number, { url, status }: Response): boolean {
    const now = Date.now()
    const more = Math.max(0, now + wait - Math.max(now, this.#waiting.until))
    if (this.#waiting.sum + more > MAX_WAITING) return false
    this.#waiting.sum += more
    this.#waiting.until = Math.max(this.#waiting.until, now + wait)
    if (more >= TOLD) this.#onNote?.(`${new URL(url).host} asks to wait ${Math.ceil(wait / 1000)} s (status ${status})`)
    return true
  }

  async #attempt(input: string | URL | Request, init: RequestInit, late: AbortController): Promise<Response> {
    const { endpoint, token, patience } = this.#settings
    const headers = new Headers(init.headers)
    const url = new URL(input instanceof Request ? input.url : input)
    if (token && url.origin === new URL(endpoint).origin) headers.set('Authorization', `Bearer ${token}`)
    const time = patience.answer
    const silent = setTimeout(() => late.abort(new Unreachable(`${url.host} has not answered for ${time / 1000} s`)), time)
    try {
      return await fetch(input, { ...init, headers, signal: AbortSignal.any([late.signal, ...(this.#signal ? [this.#signal] : [])]) })
    } catch (cause) {
      this.#signal?.throwIfAborted()
      throw cause instanceof Unreachable ? cause : new Unreachable(causeOf(cause), { cause })
    } finally {
      clearTimeout(silent)
    }
  }

  async #accept(response: Response): Promise<Response> {
    // 416 says that nothing is left to send, which the download handles.
    if (!response.ok && response.status !== 416) {
      await response.body?.cancel()
      throw this.#refusal(response)
    }
    return response
  }

  #noFolder(subfolder: string): Error {
    return errors.E_HUB_SUBFOLDER({ name: this.#name, revision: this.#revision, subfolder, where: this.#settings.endpoint })
  }

  #refusal({ status, headers, url }: Response): Error {
    const { endpoint, token } = this.#settings
    const code = headers.get('X-Error-Code') ?? ''
    const name = this.#name
    const facts = { name, authorized: token !== undefined, where: endpoint }
    if (code === 'RevisionNotFound') return errors.E_HUB_REVISION({ name, revision: this.#revision, where: endpoint })
    // Asked without a token, the hub answers 401 for what does not exist, and says so in the code alone.
    if (code === 'RepoNotFound' || (code === '' && status === 404)) return errors.E_HUB_NOT_FOUND(facts)
    const folder = /\/tree\/[^/]+\/(.+)/.exec(new URL(url).pathname)?.[1]
    if (code === 'EntryNotFound' && folder !== undefined) return this.#noFolder(decodeURIComponent(folder))
    if (status === 401 || status === 403) return errors.E_HUB_ACCESS({ ...facts, page: `${endpoint}/${name}` })
    // Overload and faults of the server pass; to the caller they are like a broken connection.
    if (status === 429 || status >= 500) return new Unreachable(`${new URL(url).host} answered with status ${status}`)
    return this.wrong(`status ${status}${code && ` (${code})`} for ${url}`)
  }

  async #sensible<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request()
    } catch (cause) {
      if (isSilaneError(cause) || cause instanceof Unreachable) throw cause
      // What ended the body comes wrapped, or as the cause of what the parser said.
      if (cause instanceof Error && cause.cause instanceof Unreachable) throw cause.cause
      this.#signal?.throwIfAborted()
      throw this.wrong(causeOf(cause), cause)
    }
  }
}

/** fetch hides the reason ("getaddrinfo ENOTFOUND") behind "fetch failed". */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof Unreachable) return error.message
  return error.cause === undefined ? error.message || error.name : causeOf(error.cause)
}
