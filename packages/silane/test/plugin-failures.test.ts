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
async function run(code: string, verb = ['convert']): Promise<{ code: number | null; out: string; err: string }> {
  const folder = join(root, String(folders++))
  const plugin = write(join(folder, 'plugin'), {
    'package.json': pluginPackage('silane-plugin-toy', { claims: [{ modelType: 'bert' }] }),
    'index.js': code,
  })
  const out = join(folder, 'out')
  const args = [...verb, ...(verb[0] === 'plugins' ? [] : [fixture('base')]), '--plugin', plugin, '--json']
  const child = spawn(process.execPath, [launcher, ...args, ...(verb[0] === 'convert' ? ['--out', out] : [])], {
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

const bert = JSON.stringify(new URL('../../../plugins/bert/src/index.ts', import.meta.url).href)

/** One that reads the model as ours does, and whose rewrite has this body. */
const rewriting = (body: string): string => `import bert from ${bert}; export default { ...bert, id: 'toy', rewrite() { ${body} } }`

/** One whose model has this in place of what ours has. */
const giving = (part: string): string =>
  `import bert from ${bert}; const circle = {}; circle.circle = circle;
   export default { ...bert, id: 'toy', load: async request => ({ ...(await bert.load(request)), ${part} }) }`

describe('what a plugin does wrong is told under its name, as one document', { concurrent: true, timeout: 60_000 }, () => {
  test.each([
    ['a throw of its load', loading(`throw new TypeError('boom')`), 'E_PLUGIN_FAILED', 'its load: boom'],
    ['a throw of nothing', loading('throw null'), 'E_PLUGIN_FAILED', 'its load: null'],
    ['a throw of what has no text', loading('throw Object.create(null)'), 'E_PLUGIN_FAILED', 'its load: something that has no text'],
    [
      'an error that only looks like one of ours',
      loading(`throw Object.assign(new Error('odd'), { name: 'SilaneError', code: 'E_ODD', what: 5, exitCode: 0 })`),
      'E_PLUGIN_FAILED',
      'its load: odd',
    ],
    [
      'an option that is none',
      `export default { id: 'toy', tasks: {}, options: { seq: null }, load() {} }`,
      'E_PLUGIN_INVALID',
      'options.seq',
    ],
    ['notes that are none', giving('notes: 5'), 'E_PLUGIN_FAILED', 'an error in notes'],
    ['tokenizers that are none', giving('tokenizers: 5'), 'E_PLUGIN_FAILED', 'an error in tokenizers'],
    ['a pipeline without steps', giving(`pipeline: { kind: 'encoder', steps: 5 }`), 'E_PLUGIN_FAILED', 'an error in pipeline.steps'],
    ['a pipeline that holds itself', giving('pipeline: circle'), 'E_PLUGIN_FAILED', 'its pipeline cannot be written'],
    ['rules that are none', rewriting('return { rules: 5 }'), 'E_PLUGIN_FAILED', 'its rewrite: it gave something with an error in rules'],
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
    ['a loop in its rewrite', rewriting('for (;;) {}'), 'E_PLUGIN_FAILED', 'its rewrite: it has not returned'],
    [
      'a loop in a rule',
      rewriting(`return { rules: [{ name: 'r', why: '', on: 'linear', rewrite() { for (;;) {} } }] }`),
      'E_PLUGIN_FAILED',
      'its rewrite: it has not returned',
    ],
    [
      'a throw of a rule',
      rewriting(`return { rules: [{ name: 'r', why: '', on: 'linear', rewrite() { throw new Error('rule') } }] }`),
      'E_PLUGIN_FAILED',
      'its rewrite: rule',
    ],
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

  test('a call of the system that does not come back, which only a kill can end', async () => {
    const { code, out, err } = await run(`import { execSync } from 'node:child_process'; ${loading(`execSync('sleep 60')`)}`)
    expect(code).toBe(null)
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'E_PLUGIN_FAILED' } })
    expect(err).toContain('E_PLUGIN_FAILED silane-plugin-toy@1.2.3 failed in its load: it has not returned after 1 s')
  })

  test('what it prints goes to stderr', async () => {
    const { out, err } = await run(`console.log('NOISE'); ${loading(`console.log('MORE'); throw new Error('x')`)}`)
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'E_PLUGIN_FAILED' } })
    expect(err).toContain('NOISE\n')
    expect(err).toContain('MORE\n')
  })

  test('what it prints from a timer goes there too, and who ends stdout ends nothing', async () => {
    const code = `import bert from ${bert}; setInterval(() => console.log('NOISE'), 1).unref(); process.stdout.end()
      export default { ...bert, id: 'toy' }`
    const { code: ended, out, err } = await run(code, ['inspect'])
    expect(ended).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ kind: 'checkpoint' })
    expect(err).toContain('NOISE\n')
  })

  test('a throw behind the result is said, and leaves the result as it is', async () => {
    const { code, out, err } = await run(`setTimeout(() => { throw new Error('late') }, 200); ${loading('')}`, ['plugins'])
    expect(code).toBe(2)
    expect(JSON.parse(out)).toMatchObject({ plugins: [{ package: 'silane-plugin-toy' }] })
    expect(err).toContain('nothing waited for: late')
  })

  test('a pass is printed as a document as well', async () => {
    const { out } = await run(`import bert from ${bert}; export default { ...bert, id: 'toy' }`, ['inspect', '--print', 'load'])
    expect(JSON.parse(out)).toEqual({ pass: 'load', text: expect.stringContaining('# model/main') })
  })

  test('a timer that it leaves behind does not keep the process', async () => {
    const { code } = await run(`setInterval(() => {}, 1000); ${loading(`throw new Error('x')`)}`)
    expect(code).toBe(2)
  })
})
