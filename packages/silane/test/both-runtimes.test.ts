import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { benchmark } from '../src/benchmark.ts'
import { convert } from '../src/convert/convert.ts'
import { generate } from '../src/generate/generate.ts'
import { validate } from '../src/validate/validate.ts'
import { temporary } from './workspace.ts'

const builds = ['onnxruntime-node', 'onnxruntime-wasm'] as const
const fixtureOf = (name: string): string => fileURLToPath(new URL(`../../../plugins/${name}`, import.meta.url))

async function convertedIn(build: (typeof builds)[number], fixture: string) {
  vi.stubEnv('SILANE_RUNTIME', build)
  onTestFinished(() => void vi.unstubAllEnvs())
  return convert({ model: fixtureOf(fixture), out: join(temporary(), 'out') })
}

/** What was compared and which gate it has, without the figures. */
const held = ({ comparisons }: Awaited<ReturnType<typeof convertedIn>>): string[] =>
  comparisons.map(row => `${row.program}/${row.function} ${row.output}, ${row.line}: ${row.actual} vs ${row.expected}, ${row.gate} dB`)

test.each([
  ['an encoder', 'bert/fixtures/sentence-transformers'],
  ['a decoder, and the pipeline over its cache', 'opt/fixtures/text-generation'],
  ['a picture, and the text about it', 'blip/fixtures/image-to-text'],
])('%s passes the same gates in both builds of onnxruntime', async (_, fixture) => {
  const native = await convertedIn('onnxruntime-node', fixture)
  const wasm = await convertedIn('onnxruntime-wasm', fixture)
  expect(held(wasm)).toEqual(held(native))
  expect(wasm.comparisons.some(({ line, expected }) => line === 'original' && expected === 'original')).toBe(true)
  for (const { ok, report } of [native, wasm]) expect([ok, report.misses]).toEqual([true, []])
  expect([native, wasm].map(({ report }) => report.runtime?.name)).toEqual(builds)
  // What is written does not depend on what it was checked with.
  expect(wasm.manifest).toEqual(native.manifest)
  const page = readFileSync(join(wasm.out, 'report.html'), 'utf8')
  expect(page).toContain(`Run in onnxruntime-wasm ${wasm.report.runtime?.version}.`)
})

test('the verbs over a converted folder run in the build that is chosen, and say so', async () => {
  const tokens: (readonly number[])[] = []
  for (const build of builds) {
    const { out: folder } = await convertedIn(build, 'opt/fixtures/text-generation')
    tokens.push((await generate({ folder, ids: [2, 17, 103, 44], maxNewTokens: 12 })).tokens)
    const validated = await validate({ folder, model: fixtureOf('opt/fixtures/text-generation') })
    expect([validated.ok, validated.runtime.name]).toEqual([true, build])
    expect((await benchmark({ folder, runs: 1 })).runtime.name).toBe(build)
  }
  expect(tokens[0]?.length).toBeGreaterThan(1)
  expect(tokens[1]).toEqual(tokens[0])
})
