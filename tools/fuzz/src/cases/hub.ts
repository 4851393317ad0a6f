import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { mutateBytes } from '../mutate/bytes.ts'
import { mutateJson } from '../mutate/json.ts'
import type { MakeCase } from '../place.ts'

const COMMIT = 'a'.repeat(40)
const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']

function described(path: string, bytes: Buffer): object {
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {
    type: 'file',
    oid,
    size: bytes.length,
    path,
    ...(path.endsWith('.safetensors') ? { lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } } : {}),
  }
}

/** Headers that say something else than the answer is. */
const HEADERS: readonly (Readonly<Record<string, string>> | undefined)[] = [
  ...Array<undefined>(6).fill(undefined),
  { 'Content-Type': 'text/html' },
  { 'Content-Encoding': 'gzip' },
  { 'Content-Length': '3' },
  { 'Content-Range': 'bytes 5-9/10' },
  { 'X-Error-Code': 'constructor' },
  { Link: '<http://127.0.0.1:1/x>; rel="next"' },
  { Link: '<file:///etc/passwd>; rel="next"' },
  { Location: 'file:///etc/passwd' },
  { ETag: 'x'.repeat(5000) },
]

/** Answers without an end: a byte now and then, pages that name the next one, a text of gigabytes. */
function endless(response: ServerResponse, how: 'drip' | 'pages' | 'huge'): void {
  if (how === 'pages') {
    const { headers, url = '' } = response.req
    const link = `<http://${headers.host}${url.replace(/\?.*/, '')}?cursor=${1 + Number(/cursor=(\d+)/.exec(url)?.[1] ?? 0)}>; rel="next"`
    response.writeHead(200, { 'Content-Type': 'application/json', Link: link })
    response.end(url.includes('/tree/') ? '[]' : `{"_id":"1","id":"org/m","sha":"${COMMIT}"}`)
    return
  }
  response.writeHead(200, { 'Content-Type': 'application/json' })
  response.write('{"x":"')
  const piece = how === 'drip' ? ' ' : 'x'.repeat(1 << 20)
  const timer = setInterval(() => response.write(piece), how === 'drip' ? 500 : 1)
  response.on('close', () => clearInterval(timer))
}

/** A hub of one model, whose answers are changed on the way. It runs in the process that asks it. */
export const hubCase: MakeCase = async ({ random, bench, input }) => {
  const from = join(bench.folder, 'fixtures/bert/base')
  const files = new Map(FILES.map(name => [name, readFileSync(join(from, name))]))
  const changed = random.pick(['info', 'tree', 'tree', 'file', 'status', 'headers', 'break'])
  const headers = changed === 'headers' ? random.pick(HEADERS.filter(entry => entry !== undefined)) : {}
  const status = changed === 'status' ? random.pick([201, 204, 206, 301, 302, 307, 400, 401, 403, 404, 416, 418, 500, 503]) : 200
  const spoiled = random.pick(['info', 'tree', 'file'])
  const tree = JSON.stringify([...files].map(([path, bytes]) => described(path, bytes)))
  const info = JSON.stringify({ _id: '1', id: 'org/m', sha: COMMIT, lastModified: '2024-01-01' })
  const bodies = {
    info: changed === 'info' ? mutateJson(info, random, ['sha', 'id', 'siblings']) : Buffer.from(info),
    tree: changed === 'tree' ? mutateJson(tree, random, ['path', 'oid', 'size', 'lfs', 'type']) : Buffer.from(tree),
  }
  const file = changed === 'file' ? mutateBytes(files.get('config.json') as Buffer, random) : (files.get('config.json') as Buffer)
  const cut = random.int(200)
  const location = random.pick(['/x', 'file:///etc/passwd', 'http://127.0.0.1:1/'])
  // What never ends takes as long as the limit lets it: seldom, therefore.
  const slow = random.once(100) ? random.pick(['drip', 'pages', 'huge'] as const) : undefined
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').replace(/\?.*/, ''))
    const kind = path.includes('/revision/') ? 'info' : path.includes('/tree/') ? 'tree' : path.includes('/resolve/') ? 'file' : undefined
    const name = path.split(`/resolve/${COMMIT}/`)[1] ?? ''
    const body = kind === undefined ? undefined : kind === 'file' ? (name === 'config.json' ? file : files.get(name)) : bodies[kind]
    if (!body) return void response.writeHead(404, { 'X-Error-Code': 'EntryNotFound' }).end()
    if (slow && kind !== 'file') endless(response, slow)
    else answer(response, body, kind === spoiled)
  })
  const answer = (response: ServerResponse, body: Buffer, spoil: boolean): void => {
    if (!spoil) return void response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body)
    if (changed === 'break') {
      response.writeHead(200, { 'Content-Length': body.length })
      response.write(body.subarray(0, cut), () => response.destroy())
      return
    }
    response.writeHead(status, {
      ...(status >= 300 && status < 400 ? { Location: location } : {}),
      ...headers,
    })
    response.end(body)
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const cache = join(input, 'cache')
  return {
    what: slow ? `an answer without an end (${slow})` : `${changed} of the hub's answer to ${spoiled}`,
    run: { args: ['inspect', 'org/m', '--seq', '8', '--plugin', join(bench.fixtures.find(({ folder }) => folder === from)?.plugin ?? '')] },
    env: {
      ...(random.once(8) ? { HF_TOKEN: random.pick(['hf_x\ny', '\u202e', 'é', ' ', 'x'.repeat(100_000)]) } : {}),
      HF_ENDPOINT: `http://127.0.0.1:${port}`,
      HF_HOME: cache,
      HF_HUB_CACHE: cache,
    },
    done: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
