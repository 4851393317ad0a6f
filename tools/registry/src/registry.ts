import { execFileSync, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A registry that this process started. Its address is all that a client needs. */
export interface Registry {
  readonly url: string
  /** Ends it and removes what it stored. */
  stop(): Promise<void>
}

/**
 * Names that are never looked up elsewhere: ours, and what tests publish as somebody else. Everything else comes, once, from the registry
 * that this machine's npm is configured for.
 */
const own = ['@silane/*', 'silane', 'create-silane-plugin', 'silane-plugin-*', '@acme/*', '@example/*']

/** The registry of this machine's npm, asked outside the workspace, whose own settings would answer. */
const upstream = (): string => execFileSync('npm', ['config', 'get', 'registry'], { cwd: tmpdir(), encoding: 'utf8' }).trim()

// JSON is YAML too.
const config = (folder: string, url: string) => ({
  storage: join(folder, 'storage'),
  uplinks: { upstream: { url, maxage: '1d', timeout: '60s', max_fails: 20, fail_timeout: '1s' } },
  packages: {
    ...Object.fromEntries(own.map(name => [name, { access: '$all', publish: '$all', unpublish: '$all' }])),
    '**': { access: '$all', proxy: 'upstream' },
  },
  auth: { htpasswd: { file: join(folder, 'htpasswd') } },
  web: { enable: false },
  max_body_size: '200mb',
  log: { type: 'stdout', format: 'pretty', level: 'error' },
})

/**
 * An empty registry on a free port of 127.0.0.1, which fetches packages of others on demand and keeps them. `from` is where it fetches
 * them: another registry of this kind has them already.
 */
export async function startRegistry(from: string = upstream()): Promise<Registry> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'silane-registry-')))
  mkdirSync(join(folder, 'storage'))
  const file = join(folder, 'config.yaml')
  writeFileSync(file, JSON.stringify(config(folder, from)))
  const child = fork(join(import.meta.dirname, 'server.ts'), [file], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const stop = async () => {
    if (child.connected) child.disconnect()
    await ended
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`verdaccio ended with ${code} before it listened`)))
    child.once('error', reject)
  })
  if (typeof port !== 'number') {
    await stop()
    throw new Error('verdaccio got no port')
  }
  return { url: `http://127.0.0.1:${port}/`, stop }
}
