import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { fixture, pluginPackage, temporary, write } from './workspace.ts'

const module = JSON.stringify(new URL('../src/convert/output-folder.ts', import.meta.url).href)
const script = `
  const { outputFolder } = await import(${module})
  outputFolder(process.argv[1], { force: false, keepOut: [] })
  outputFolder(process.argv[1] + '.trace', { force: false, keepOut: [] })
  console.log('made')
  setInterval(() => {}, 1000)`

test.skipIf(process.platform === 'win32')('a process that a signal ends takes its work folders along, whatever it was doing', async () => {
  const ends = (['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const).map(async signal => {
    const parent = temporary()
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, join(parent, 'out')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    expect(readdirSync(parent)).toHaveLength(2)
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([null, signal])
    expect(readdirSync(parent)).toEqual([])
  })
  await Promise.all(ends)
})

/** A folder with one entry of a matrix, and a plugin for its model, whose load has this body. */
function matrix(body: string): {
  readonly args: readonly [string, string, string, string, string, string]
  readonly reports: string
  readonly folder: string
} {
  const folder = write(temporary(), {
    'silane.ci.json': { models: [{ model: 'one' }] },
    'plugin/package.json': pluginPackage('silane-plugin-toy', { claims: [{ modelType: 'bert' }] }),
    'plugin/index.js': `export default { id: 'toy', tasks: { BertModel: 'fill-mask' }, options: {}, load() { ${body} } }`,
  })
  cpSync(fixture('base'), join(folder, 'one'), { recursive: true })
  const reports = join(folder, 'reports')
  return { args: ['--config', join(folder, 'silane.ci.json'), '--out', reports, '--plugin', join(folder, 'plugin')], reports, folder }
}

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

test('nor does `ci` leave its work folder, where a plugin does not come back', () => {
  const { args, reports } = matrix('for (;;) {}')
  const { status, stderr } = spawnSync(process.execPath, [launcher, 'ci', ...args], {
    encoding: 'utf8',
    env: { ...process.env, SILANE_PLUGIN_TIMEOUT: '1' },
  })
  expect([status, stderr]).toEqual([2, expect.stringContaining('its load: it has not returned after 1 s')])
  expect(readdirSync(reports)).toEqual(['ci-report.1-of-1.json'])
})

test.skipIf(process.platform === 'win32')('nor does a program that calls `runShard` and does not listen', () => {
  const { args, reports, folder } = matrix('')
  const code = `
    const { runShard } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
    const [config, out] = process.argv.slice(1)
    await runShard({ config, out, onEntry: () => process.kill(process.pid, 'SIGTERM') })`
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code, args[1], args[3]], { cwd: folder })
  expect(signal).toBe('SIGTERM')
  expect(readdirSync(reports)).toEqual(['ci-report.1-of-1.json'])
})
