import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { killRuns } from './kills.ts'
import { fixture, temporary } from './workspace.ts'

// `node tools/repo/kills.ts 200` for more of them.
test.skipIf(process.platform === 'win32')(
  'a conversion that is killed leaves the old one or the new one',
  { timeout: 120_000 },
  async () => {
    const { kills, old, new: made, beside, faults } = await killRuns(10)
    expect(faults).toEqual([])
    expect(old + made + beside).toBe(kills)
  },
)

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))
const strace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0

test.skipIf(!strace)('killed between the two renames: the old one is named by what reads it, and put back by the next conversion', () => {
  const parent = temporary()
  const out = join(parent, 'out')
  const convert = [launcher, 'convert', fixture('base'), '--seq', '24', '--target', 'coreml', '--no-validate', '--force', '--out', out]
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  const run = (args: readonly string[]) => spawnSync(process.execPath, args, { encoding: 'utf8', env })
  expect(run(convert).status).toBe(0)
  const kill = ['-e', 'trace=rename,renameat,renameat2', '-e', 'inject=rename,renameat,renameat2:signal=SIGKILL:when=2']
  spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', ...kill, process.execPath, ...convert], { env })
  expect(existsSync(out)).toBe(false)
  const kept = readdirSync(parent).find(name => name.startsWith('.out.silane-old-')) ?? 'none'
  for (const verb of ['inspect', 'validate', 'generate']) {
    const { status, stderr } = run([launcher, verb, out, ...(verb === 'generate' ? ['--ids', '5'] : [])])
    expect([verb, status]).toEqual([verb, 2])
    expect(stderr).toContain('E_OUT_KEPT')
    expect(stderr).toContain(kept)
  }
  expect(run(convert).status).toBe(0)
  expect(readdirSync(parent)).toEqual(['out'])
})
