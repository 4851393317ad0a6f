import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { onTestFinished, vi } from 'vitest'

export const commits = { main: 'a'.repeat(40), v1: 'b'.repeat(40) }

export interface FakeHub {
  readonly endpoint: string
  /** `GET path [Range]`, in order, without the query. */
  readonly requests: string[]
  /** Bytes after which the connection of a download is cut, once for each entry. */
  readonly cuts: number[]
  /** What the next answers of downloads are spoilt with. */
  corrupt: boolean
  ignoreRanges: boolean
  /** Bytes that downloads have put on the wire, by file. */
  readonly sent: Map<string, number>
  token: string | undefined
  stop(): Promise<void>
}

type Files = Readonly<Record<string, string | Uint8Array>>

/** A server with the endpoints of the hub that downloads use, for one model with two revisions. The environment leads to it. */
export async function fakeHub(name: string, revisions: { readonly main: Files; readonly v1?: Files }, cacheDir: string): Promise<FakeHub> {
  const server = createServer((request, response) => answer(hub, name, revisions, request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = () =>
    new Promise<void>(resolve => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  const hub: FakeHub = { endpoint, requests: [], cuts: [], corrupt: false, ignoreRanges: false, sent: new Map(), token: undefined, stop }
  onTestFinished(stop)
  for (const [variable, value] of Object.entries({
    HF_ENDPOINT: endpoint,
    HF_HOME: cacheDir,
    HF_HUB_CACHE: cacheDir,
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
    TRANSFORMERS_OFFLINE: '',
    HF_TOKEN_PATH: '',
    HUGGING_FACE_HUB_TOKEN: '',
  })) {
    vi.stubEnv(variable, value)
  }
  onTestFinished(() => void vi.unstubAllEnvs())
  return hub
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1 << 16) yield bytes.subarray(at, at + (1 << 16))
}

const isLarge = (path: string) => /\.(?:safetensors|bin)$/.test(path)

function describe(path: string, bytes: Uint8Array) {
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  const lfs = { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, pointerSize: 130 }
  return { type: 'file', oid, size: bytes.length, path, ...(isLarge(path) ? { lfs } : {}) }
}

function answer(
  hub: FakeHub,
  name: string,
  revisions: { readonly main: Files; readonly v1?: Files },
  request: IncomingMessage,
  response: ServerResponse,
): unknown {
  const path = decodeURIComponent(new URL(request.url ?? '', 'http://hub').pathname)
  const range = request.headers.range
  hub.requests.push(`${request.method} ${path}${range ? ` ${range}` : ''}`)
  const json = (status: number, body: unknown, code?: string) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...(code ? { 'X-Error-Code': code } : {}) })
    response.end(JSON.stringify(body))
  }
  if (!path.includes(`/${name}/`)) return json(401, { error: 'Repository not found' }, 'RepoNotFound')
  if (hub.token && request.headers.authorization !== `Bearer ${hub.token}`) {
    return json(request.headers.authorization ? 403 : 401, { error: 'Access is restricted' }, 'GatedRepo')
  }
  const [, , revision = '', rest = ''] = /\/(revision|tree|resolve)\/([^/]+)\/?(.*)$/.exec(path) ?? []
  const key = revision === commits.main || revision === 'main' ? 'main' : revision === commits.v1 || revision === 'v1' ? 'v1' : undefined
  const stored = key && revisions[key]
  if (!stored) return json(404, { error: 'Invalid rev id' }, 'RevisionNotFound')
  const files = Object.entries(stored).map(([file, content]) => [file, Buffer.from(content)] as const)
  if (path.includes('/revision/')) return json(200, { _id: '1', id: name, sha: commits[key], lastModified: '2024-01-01' })
  if (path.includes('/tree/')) {
    const prefix = rest && `${rest}/`
    const inside = files.filter(([file]) => file.startsWith(prefix)).map(([file, bytes]) => ({ file: file.slice(prefix.length), bytes }))
    const folders = new Set(inside.filter(({ file }) => file.includes('/')).map(({ file }) => file.split('/')[0]))
    const direct = inside.filter(({ file }) => !file.includes('/'))
    return json(200, [
      ...[...folders].map(folder => ({ type: 'directory', oid: 'c'.repeat(40), size: 0, path: prefix + folder })),
      ...direct.map(({ file, bytes }) => describe(prefix + file, bytes)),
    ])
  }
  const bytes = files.find(([file]) => file === rest)?.[1]
  if (!bytes) return json(404, { error: 'Entry not found' }, 'EntryNotFound')
  const [, from = '0', to] = (hub.ignoreRanges ? null : /bytes=(\d+)-(\d+)?/.exec(range ?? '')) ?? []
  const [start, end] = [Number(from), Math.min(to === undefined ? bytes.length : Number(to) + 1, bytes.length)]
  const part = Buffer.from(bytes.subarray(start, end))
  if (hub.corrupt) part.fill(0)
  const partial = start > 0 || to !== undefined
  response.writeHead(partial ? 206 : 200, {
    'Content-Length': part.length,
    ...(partial ? { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` } : {}),
  })
  // A connection serves one request after the other.
  const { socket } = response
  const before = socket?.bytesWritten ?? 0
  response.on('close', () => hub.sent.set(rest, (hub.sent.get(rest) ?? 0) + (socket?.bytesWritten ?? 0) - before))
  const cut = isLarge(rest) ? hub.cuts.shift() : undefined
  // In pieces, as from a disk: what nobody reads is not sent.
  if (cut === undefined) return Readable.from(pieces(part)).pipe(response)
  response.flushHeaders()
  if (cut > 0) response.write(part.subarray(0, cut))
  return setTimeout(() => response.destroy(), 30)
}
