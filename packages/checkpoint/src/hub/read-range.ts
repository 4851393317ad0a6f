import { setTimeout } from 'node:timers/promises'
import { errors } from '../errors.ts'
import { FIRST_PAUSE, flowing, LEAST, MAX_ATTEMPTS } from './download-file.ts'
import { causeOf, type HubClient, type HubFile } from './hub-client.ts'
import { Unreachable } from './unreachable.ts'

/** Bytes that are passed over where a server sends a file from its beginning whatever is asked for: more would be a download. */
const MAX_PASSED_OVER = 1 << 24

/**
 * The bytes of a file from `start` up to `end`, without the rest: the answer is left where they have come, also by a server that knows no
 * ranges. A connection that breaks is tried again from where it was. Throws E_HUB_DOWNLOAD, E_HUB_FILE and E_HUB_RANGES.
 */
export async function readRange(
  client: HubClient,
  commit: string,
  file: HubFile,
  { start, end, signal }: { readonly start: number; readonly end: number; readonly signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start)
  let done = 0
  for (let attempt = 1; done < bytes.length; ) {
    const before = done
    let problem = 'the connection was closed'
    const late = new AbortController()
    try {
      const response = await client.download(commit, file, start + done, late, end)
      for await (const chunk of flowing(rangeOf(response, file, start + done, client.model), client.patience.download, late)) {
        const part = chunk.subarray(0, bytes.length - done)
        bytes.set(part, done)
        done += part.length
        if (done === bytes.length) break
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof Unreachable)) throw error
      problem = error.message
    } finally {
      // What else the server would send is not wanted.
      late.abort()
    }
    if (done === bytes.length) break
    attempt = done - before >= Math.min(LEAST, bytes.length) ? 1 : attempt + 1
    if (attempt > MAX_ATTEMPTS) throw errors.E_HUB_DOWNLOAD({ file: file.path, problem, kept: false, where: client.model })
    await setTimeout(FIRST_PAUSE * 2 ** (attempt - 1), undefined, signal ? { signal } : {})
  }
  return bytes
}

/** The bytes of an answer from `start` on. */
async function* rangeOf(response: Response, file: HubFile, start: number, where: string): AsyncGenerator<Uint8Array> {
  if (response.status === 416 || !response.body) throw new Unreachable(`the server has nothing from byte ${start} on`)
  let skip = start
  if (response.status === 206) {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('Content-Range') ?? '') ?? []
    if (Number(first) !== start) throw new Unreachable('the server sent another part than the one asked for')
    if (total !== '*' && Number(total) !== file.size)
      throw errors.E_HUB_FILE({ file: file.path, problem: `it has ${total} bytes instead of ${file.size}`, where })
    skip = 0
  }
  if (skip > MAX_PASSED_OVER) throw errors.E_HUB_RANGES({ file: file.path, host: new URL(response.url).host, where })
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
