import { existsSync, readdirSync } from 'node:fs'
import { isSilaneError } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../src/index.ts'
import { hostilePickles } from './hostile-pickles.ts'
import { archive, dict, legacy, pickle, tensor } from './pickle-writer.ts'
import { failure, temporary } from './temporary.ts'

/** Microseconds of the processor, which a busy machine does not stretch, and bytes that refusing a file may take. */
const MAX_TIME = 1e6
const MAX_MEMORY = 200e6

describe('hostile files of torch.save', () => {
  it('come from a writer whose good files are read', async () => {
    const good = pickle(dict('w', tensor()))
    for (const bytes of [archive(good), legacy(good)]) {
      const checkpoint = await openCheckpoint(temporary({ 'pytorch_model.bin': bytes }))
      expect(checkpoint.tensor('w')!.read(0, 4)).toEqual(new Float32Array(4))
      checkpoint.close()
    }
  })

  it.each(Object.keys(hostilePickles))('refuses: %s', async name => {
    const [code, file] = hostilePickles[name]!
    const folder = temporary({ 'pytorch_model.bin': file() })
    globalThis.gc?.()
    const memory = process.memoryUsage.rss()
    const start = process.cpuUsage()
    const error = await openCheckpoint(folder).then(
      () => undefined,
      reason => reason,
    )
    const { user, system } = process.cpuUsage(start)
    expect(isSilaneError(error) ? error.code : error).toBe(code)
    expect(user + system).toBeLessThan(MAX_TIME)
    expect(process.memoryUsage.rss() - memory).toBeLessThan(MAX_MEMORY)
    expect(readdirSync(folder)).toEqual(['pytorch_model.bin'])
    expect(existsSync('silane-was-here') || existsSync('/tmp/silane-was-here')).toBe(false)
  })

  it.each([
    'os.system',
    'INST',
    'billion laughs',
    'a protocol to come',
    'storage smaller than it says',
    'two tensors of one name',
    'no tensors',
    'compressed bomb',
    'a whole model',
    'a name with control characters',
  ])('says what is wrong: %s', async name => {
    const folder = temporary({ 'pytorch_model.bin': hostilePickles[name]![1]() })
    expect(await failure(() => openCheckpoint(folder), folder)).toMatchSnapshot()
  })
})
