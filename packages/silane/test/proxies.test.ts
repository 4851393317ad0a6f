import { spawn } from 'node:child_process'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { fakeHub } from '../../checkpoint/test/fake-hub.ts'
import { useProxies } from '../src/cli/proxies.ts'
import { temporary } from './workspace.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

/** A proxy that forwards requests and opens tunnels, to `target` whatever host is asked for, and keeps count of both. */
async function proxy(target: URL): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createServer((incoming, answer) => {
    asked.push(`forward ${incoming.headers.host}`)
    const { pathname, search } = new URL(incoming.url ?? '', 'http://x')
    const { hostname, port } = target
    const passed = request({ hostname, port, path: pathname + search, method: incoming.method, headers: incoming.headers }, from => {
      answer.writeHead(from.statusCode ?? 500, from.headers)
      from.pipe(answer)
    })
    incoming.pipe(passed)
  })
  server.on('connect', ({ url }, socket, head) => {
    asked.push(`tunnel ${url}`)
    const through = connect(Number(target.port), target.hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      through.write(head)
      through.pipe(socket).pipe(through)
    })
    for (const end of [socket, through]) end.on('error', () => socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Runs the command with these variables, without keeping this process's servers from answering. */
async function inspect(env: NodeJS.ProcessEnv): Promise<{ readonly status: number | null; readonly output: string }> {
  const { HTTPS_PROXY: _1, HTTP_PROXY: _2, https_proxy: _3, http_proxy: _4, NO_PROXY: _5, no_proxy: _6, ...own } = process.env
  const child = spawn(process.execPath, [launcher, 'inspect', 'org/name', '--json'], { env: { ...own, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (output += text))
  return { status: await new Promise(resolve => child.on('close', resolve)), output }
}

const files = { 'config.json': JSON.stringify({ model_type: 'nothing-that-is-known' }) }

test('requests go through the proxy that the environment names, and not where NO_PROXY has the host', { timeout: 60_000 }, async () => {
  const hub = await fakeHub('org/name', { main: files }, temporary())
  const { url, asked } = await proxy(new URL(hub.endpoint))
  // A host that only the proxy knows.
  const HF_ENDPOINT = 'http://hub.invalid'
  const first = await inspect({ HF_ENDPOINT, HTTP_PROXY: url })
  expect(first.output).toContain('nothing-that-is-known')
  expect(asked.length).toBeGreaterThan(0)
  expect(asked.every(line => line.includes('hub.invalid'))).toBe(true)
  expect(hub.requests.length).toBeGreaterThan(0)

  asked.length = 0
  const other = await fakeHub('org/name', { main: files }, temporary())
  const past = await inspect({ HF_ENDPOINT: other.endpoint, HTTP_PROXY: url, NO_PROXY: '127.0.0.1' })
  expect(past.output).toContain('nothing-that-is-known')
  expect(asked).toEqual([])
})

test('HTTPS_PROXY is asked for a tunnel', { timeout: 60_000 }, async () => {
  const hub = await fakeHub('org/name', { main: files }, temporary())
  const { url, asked } = await proxy(new URL(hub.endpoint))
  // What answers behind it speaks no TLS; that it was asked is what counts.
  const { status } = await inspect({ HF_ENDPOINT: 'https://hub.invalid', HTTPS_PROXY: url })
  expect(status).toBe(2)
  expect(asked).toContain('tunnel hub.invalid:443')
})

test('what cannot be used is said, and nothing where Node was told at its start', () => {
  expect(useProxies({})).toBeUndefined()
  expect(useProxies({ HTTPS_PROXY: 'http://proxy:1', NODE_USE_ENV_PROXY: '1' })).toBeUndefined()
  expect(useProxies({ HTTPS_PROXY: 'not a url' })).toMatch(/^HTTPS_PROXY is not used: /)
  expect(useProxies({ HTTPS_PROXY: 'http://proxy:1', HTTP_PROXY: 'http://user:pa/ss@proxy:1' })).toBe(
    'HTTP_PROXY is not used: it is not the address of a proxy, such as http://name:8080',
  )
})
