import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { engineNames } from '../src/engine.ts'

test.each(engineNames)('a session of %s leaves nothing behind, neither in the temporary folder nor at home', engine => {
  const place = mkdtempSync(join(tmpdir(), 'silane-quiet-'))
  onTestFinished(() => rmSync(place, { recursive: true, force: true }))
  const script = `
    import { Builder, arrayConstant } from '@silane/core'
    import { createRuntime } from '@silane/runtime'
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [2])
    const session = await createRuntime().open(b.finish({ y: b.relu({ x }) }))
    await session.run({ x: arrayConstant('fp32', [2], Float32Array.of(1, -1)) })
    await session.close()`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    // Which depends on both packages.
    cwd: join(import.meta.dirname, '../../silane'),
    env: { PATH: process.env.PATH, HOME: place, TMPDIR: place, NODE_DISABLE_COMPILE_CACHE: '1', SILANE_RUNTIME: engine },
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
  expect(readdirSync(place, { recursive: true })).toEqual([])
})
