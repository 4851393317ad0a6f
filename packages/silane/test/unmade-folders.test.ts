import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runShard } from '../src/ci/run-shard.ts'
import { outputFolder } from '../src/convert/output-folder.ts'
import { temporary, write } from './workspace.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

// Below /proc the system answers that a folder which is there is not.
describe.runIf(process.platform === 'linux')('where no folder can be made, the answer comes at once', () => {
  test('of a conversion', () => {
    expect(() => outputFolder('/proc/x/y', { force: false, keepOut: [] })).toThrow(
      expect.objectContaining({ code: 'E_OUT_WRITE', what: expect.stringContaining('there is no such file or folder') }),
    )
  })

  test('of a command whose temporary files go there', () => {
    const { NODE_COMPILE_CACHE: _1, NODE_DISABLE_COMPILE_CACHE: _2, ...env } = process.env
    const run = spawnSync(process.execPath, [launcher, '--version'], {
      env: { ...env, TMPDIR: '/proc' },
      timeout: 20_000,
      killSignal: 'SIGKILL',
    })
    expect(run).toMatchObject({ status: 0, signal: null })
  })

  test('of a ci run', async () => {
    const cwd = write(temporary(), { 'silane.ci.json': '{"models": [{"model": "org/name"}]}' })
    await expect(runShard({ cwd, out: '/proc/x/y' })).rejects.toMatchObject({ code: 'ENOENT', path: '/proc/x' })
  })
})
