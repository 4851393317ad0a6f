import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { fixture } from './workspace.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

// A device that is always full.
test.skipIf(!existsSync('/dev/full')).each([[['--help']], [['plugins', '--json']], [['inspect', fixture('base'), '--json']]])(
  '%j on a full disk is an error, not a result that is lost',
  args => {
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [launcher, ...args], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' })
    closeSync(full)
    expect(status).toBe(2)
    expect(stderr).toBe('E_SYSTEM stdout: the disk is full.\n  Free some space, or choose another place.\n')
  },
)

test.skipIf(process.platform === 'win32')('a reader that goes away ends a command without a word', () => {
  const { status, stderr } = spawnSync('sh', ['-c', `"$0" "$1" inspect "$2" --json | true`, process.execPath, launcher, fixture('base')], {
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  expect(stderr).toBe('')
})
