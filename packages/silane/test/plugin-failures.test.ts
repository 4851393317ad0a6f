import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { fixture, pluginPackage, write } from './workspace.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

// One folder for all: tests that run at the same time cannot tell which of them is finished.
const root = mkdtempSync(join(tmpdir(), 'silane-test-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0

/** Runs the command line as a process of its own, with a plugin of this code, and a second in place of a minute. */
async function run(code: string): Promise<{ code: number | null; out: string; err: string }> {
  const folder = join(root, String(folders++))
  const plugin = write(join(folder, 'plugin'), {
    'package.json': pluginPackage('silane-plugin-toy', { claims: [{ modelType: 'bert' }] }),
    'index.js': code,
  })
  const out = join(folder, 'out')
  const child = spawn(process.execPath, [launcher, 'convert', fixture('base'), '--plugin', plugin, '--json', '--out', out], {
    env: { ...process.env, SILANE_PLUGIN_TIMEOUT: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [written, said, ended] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>(resolve => child.on('exit', resolve)),
  ])
  return { code: ended, out: written, err: said }
}

/** A plugin whose load has this body. */
const loading = (body: string): string => `export default { id: 'toy', tasks: { BertModel: 'fill-mask' }, options: {}, load() { ${body} } }`

describe('what a plugin does wrong is told under its name, as one document', { concurrent: true, timeout: 60_000 }, () => {
  test.each([
    ['a throw of its load', loading(`throw new TypeError('boom')`), 'E_PLUGIN_FAILED', 'its load: boom'],
    ['a throw of nothing', loading('throw null'), 'E_PLUGIN_FAILED', 'its load: null'],
    ['no model', loading('return {}'), 'E_PLUGIN_FAILED', 'it gave no programs'],
    [
      'a program whose name is a path',
      loading(`return { programs: [{ name: '../x', functions: [{ name: 'main' }] }] }`),
      'E_PLUGIN_FAILED',
      '"../x"',
    ],
    ['a load that never ends', loading('return new Promise(() => {})'), 'E_PLUGIN_FAILED', 'never kept'],
    [
      'a load that waits too long',
      loading('return new Promise(resolve => setTimeout(resolve, 1e6))'),
      'E_PLUGIN_FAILED',
      'not done after 1 s',
    ],
    ['a loop in its load', loading('for (;;) {}'), 'E_PLUGIN_FAILED', 'not returned after 1 s'],
    ['a loop in its import', 'for (;;) {}', 'E_PLUGIN_FAILED', 'its import: it has not returned'],
    ['an import that never ends', 'await new Promise(() => {})', 'E_PLUGIN_FAILED', 'its import: its promise is never kept'],
    ['an import that throws', `throw new Error('no')`, 'E_PLUGIN_LOAD', 'cannot be loaded: no'],
    [
      'a throw that nobody catches',
      loading(`setTimeout(() => { throw new Error('later') }); return new Promise(resolve => setTimeout(resolve, 1e6))`),
      'E_PLUGIN_FAILED',
      'nothing waited for: later',
    ],
    [
      'a rejection that nobody catches',
      loading(`Promise.reject(new Error('late')); return new Promise(() => {})`),
      'E_PLUGIN_FAILED',
      'late',
    ],
    ['an end of the process', 'process.exit(0)', 'E_PLUGIN_FAILED', 'it ended the process'],
    ['a default export without tasks', `export default { id: 'toy', load() {} }`, 'E_PLUGIN_INVALID', 'not id, tasks and load'],
  ])('%s', async (_, code, error, what) => {
    const { code: ended, out } = await run(code)
    expect(ended).toBe(2)
    const document = JSON.parse(out)
    expect(document).toMatchObject({ error: { code: error } })
    expect(document.error.what).toContain('silane-plugin-toy@1.2.3')
    expect(document.error.what).toContain(what)
  })

  test('what it prints goes to stderr', async () => {
    const { out, err } = await run(`console.log('NOISE'); ${loading(`console.log('MORE'); throw new Error('x')`)}`)
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'E_PLUGIN_FAILED' } })
    expect(err).toContain('NOISE\n')
    expect(err).toContain('MORE\n')
  })

  test('a timer that it leaves behind does not keep the process', async () => {
    const { code } = await run(`setInterval(() => {}, 1000); ${loading(`throw new Error('x')`)}`)
    expect(code).toBe(2)
  })
})
