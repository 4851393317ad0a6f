import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { benchmark } from '../src/benchmark.ts'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
import { bertPlugin, fixture, temporary } from './workspace.ts'

const gpt2 = fileURLToPath(new URL('../../../plugins/gpt2/fixtures/text-generation', import.meta.url))

/** What a run prints. */
async function printed(args: readonly string[]): Promise<string> {
  const log = vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  try {
    expect(await main([...args])).toBe(0)
    return log.mock.calls.map(([text]) => text).join('')
  } finally {
    log.mockRestore()
  }
}

test.each(['io', 'state'] as const)('a decoder, --kv %s: prefill and step, the cache, what the Neural Engine gets', async kv => {
  const folder = join(temporary(), 'out')
  await convert({ model: gpt2, context: 32, prefill: 8, kv, out: folder, validate: false })
  const { functions: results } = await benchmark({ folder, runs: 1 })
  // 2 layers · 48 channels · keys and values · 2 bytes
  const cache = { context: 32, cacheBytesPerToken: 384 }
  expect(results).toMatchObject([
    { program: 'decoder', function: 'prefill', decoder: { tokens: 8, tokensPerSecond: expect.any(Number), ...cache } },
    { program: 'decoder', function: 'step', decoder: { tokens: 1, tokensPerSecond: expect.any(Number), ...cache } },
  ])
  const text = await printed(['benchmark', folder, '--runs', '1'])
  expect(text).toMatch(/function +tokens +ms\/token +tokens\/s +cache slots +cache per token\ndecoder\/prefill +8 .* 32 +384 B\n/)
  expect(text).toMatch(/ops +convs +reshapes +transposes +gathers +max +axes +softmax\n +rank +over\n +cap\ndecoder\/prefill +\d+ +\d+/)
  for (const line of text.split('\n')) if (!line.startsWith('Times are')) expect(line.length).toBeLessThanOrEqual(80)
})

test('an encoder has no cache', async () => {
  const folder = join(temporary(), 'out')
  await convert({ model: fixture('base'), seq: [24], targets: ['onnx'], out: folder, validate: false })
  const { functions, own } = await benchmark({ folder, runs: 1 })
  const [result] = functions
  expect(own).toEqual({})
  expect(result).toMatchObject({ decoder: undefined, analysis: undefined })
  const text = await printed(['benchmark', folder, '--runs', '1'])
  expect(text).not.toContain('cache')
  expect(text).not.toContain('softmax')
})

test('what a plugin measures stands beside the times', async () => {
  const plugin = bertPlugin(
    'own-figures',
    `const ids = core.denseConstant('int32', [1, 24], new Int32Array(24))
    export default {
      ...bert,
      benchmark: async ({ pipeline, options, functions }) => {
        const session = await functions[0].open()
        const outputs = await session.run({ input_ids: ids, attention_mask: ids, token_type_ids: ids })
        await session.close()
        return { 'steps': pipeline.steps.length, 'tokens': options.seq, 'outputs': Object.keys(outputs).length }
      },
    }`,
  )
  for (const target of ['onnx', 'coreml'] as const) {
    const folder = join(temporary(), 'out')
    await convert({ model: fixture('base'), seq: [24], targets: [target], out: folder, validate: false, plugins: [plugin] })
    const { own } = await benchmark({ folder, runs: 1, plugins: [plugin] })
    expect(own).toEqual({ steps: 1, tokens: 24, outputs: 2 })
    if (target === 'onnx')
      expect(await printed(['benchmark', folder, '--runs', '1', '--plugin', plugin])).toMatch(
        /measured by the plugin\s+steps +1\ntokens +24\n/,
      )
  }
})
