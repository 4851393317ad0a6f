import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
import type { Progress } from '../src/convert/convert-options.ts'
import { readManifest } from '../src/manifest.ts'
import { validate } from '../src/validate/validate.ts'
import { copyOf, fixture, temporary, write } from './workspace.ts'

const golden = 'golden.model.safetensors'

/** Changes the last value of the golden file, which belongs to an output. */
function spoilGolden(folder: string): void {
  const file = join(folder, golden)
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header: Record<string, { data_offsets: [number, number] }> = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  const [begin] = header['0.out.last_hidden_state']!.data_offsets
  bytes.writeFloatLE(bytes.readFloatLE(8 + length + begin) + 0.01, 8 + length + begin)
  writeFileSync(file, bytes)
}

describe('convert', () => {
  test('compares every stage with the golden outputs beside the checkpoint', async () => {
    const { ok, comparisons, report } = await convert({ model: fixture('base'), seq: [24], out: join(temporary(), 'out') })
    expect(ok).toBe(true)
    expect(report.validated).toBe(true)
    expect(
      comparisons.map(({ output, line, actual, expected, gate }) => `${output}, ${line}: ${actual} vs ${expected} ≥ ${gate}`),
    ).toMatchInlineSnapshot(`
      [
        "last_hidden_state, original: source graph vs original ≥ 100",
        "pooler_output, original: source graph vs original ≥ 100",
        "last_hidden_state, onnx: ONNX file vs source graph ≥ 95",
        "pooler_output, onnx: ONNX file vs source graph ≥ 95",
        "last_hidden_state, onnx: ONNX file vs original ≥ 95",
        "pooler_output, onnx: ONNX file vs original ≥ 95",
        "last_hidden_state, lowering: target graph in fp32 vs source graph ≥ 100",
        "pooler_output, lowering: target graph in fp32 vs source graph ≥ 100",
        "last_hidden_state, file: package vs target graph ≥ 120",
        "pooler_output, file: package vs target graph ≥ 120",
        "last_hidden_state, weights: package vs source graph ≥ undefined",
        "pooler_output, weights: package vs source graph ≥ undefined",
        "last_hidden_state, arithmetic: package, every op rounded vs package ≥ 40",
        "pooler_output, arithmetic: package, every op rounded vs package ≥ 40",
        "last_hidden_state, total: package, every op rounded vs source graph ≥ 40",
        "pooler_output, total: package, every op rounded vs source graph ≥ 40",
      ]
    `)
  })

  test('takes samples of its own where no golden output has the shape', async () => {
    const { comparisons, report } = await convert({ model: fixture('base'), seq: [16], out: join(temporary(), 'out') })
    expect(new Set(comparisons.map(({ line }) => line))).toEqual(new Set(['onnx', 'lowering', 'file', 'weights', 'arithmetic', 'total']))
    expect(report.coverage).toEqual([{ program: 'model', function: 'main', inputs: 'random', samples: 2, original: false }])
    expect(report.notes).toMatchInlineSnapshot(`
      [
        "model/main: the golden outputs were not compared: their samples have input_ids [1,24], attention_mask [1,24], token_type_ids [1,24], the program takes input_ids [1,16], attention_mask [1,16], token_type_ids [1,16]. They were made for --seq 24",
      ]
    `)
  })

  test('is held to the exact figures in fp32', async () => {
    const { comparisons } = await convert({ model: fixture('base'), seq: [24], precision: 'fp32', out: join(temporary(), 'out') })
    const gates = comparisons.map(({ line, expected, gate, ok }) => `${line} vs ${expected} ${gate} ${ok}`)
    expect([...new Set(gates)]).toEqual([
      'original vs original 100 true',
      'onnx vs source graph 95 true',
      'onnx vs original 95 true',
      'lowering vs source graph 100 true',
      'file vs target graph 120 true',
      'total vs original 95 true',
    ])
  })

  test('stores ONNX weights in fp16 where asked for', async () => {
    const { ok, manifest } = await convert({
      model: fixture('base'),
      seq: [24],
      targets: ['onnx'],
      onnxPrecision: 'fp16',
      out: join(temporary(), 'out'),
    })
    expect(ok).toBe(true)
    expect(manifest.programs[0]?.functions[0]?.onnx?.bytes).toBeLessThan(200_000)
    expect(manifest.programs[0]?.functions[0]?.inputs[0]?.dtype).toBe('int64')
  })

  test('writes what misses a gate, says so, and exits 3', async () => {
    const model = copyOf('base')
    spoilGolden(model)
    const out = join(temporary(), 'out')
    expect(await main(['convert', model, '--seq', '24', '--target', 'onnx', '--out', out])).toBe(3)
    expect(readManifest(out).ok).toBe(false)
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))
    expect(report.ok).toBe(false)
    expect(report.comparisons[0]).toMatchObject({ output: 'last_hidden_state', line: 'original', ok: false })
    expect(report.misses[0]).toMatch(
      /^model\/main last_hidden_state, original \(source graph vs original\): \d+\.\d dB, \d+\.\d dB short of 100$/,
    )
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain('A numeric gate was missed')
    expect(existsSync(join(out, 'onnx/model.onnx'))).toBe(true)
  })
})

describe('validate', () => {
  const converted = async (model: string) => {
    const out = join(temporary(), 'out')
    await convert({ model, seq: [24], out, validate: false })
    return out
  }

  test('a folder against its checkpoint', async () => {
    const folder = await converted(fixture('base'))
    const done: string[] = []
    const onProgress = ({ step, seconds }: Progress) => {
      if (seconds !== undefined) done.push(step)
    }
    const { ok, comparisons, notes } = await validate({ folder, model: fixture('base'), onProgress })
    expect(ok).toBe(true)
    expect(comparisons.map(({ line }) => line)).toContain('original')
    expect(notes).toEqual([])
    const stages = ['source graph', 'ONNX file', 'target graph in fp32', 'target graph', 'package, every op rounded']
    const ran = stages.map(stage => `validate model/main: ${stage}`)
    expect(done).toEqual(['open checkpoint', 'find plugin', 'load', 'rewrite', ...ran, 'hash checkpoint'])
  })

  test('a folder against a checkpoint that has changed', async () => {
    const model = copyOf('base')
    const folder = await converted(model)
    const bytes = readFileSync(join(model, 'model.safetensors'))
    bytes.writeFloatLE(bytes.readFloatLE(bytes.length - 4) + 5, bytes.length - 4)
    writeFileSync(join(model, 'model.safetensors'), bytes)
    const { ok, notes } = await validate({ folder, model })
    expect(ok).toBe(false)
    expect(notes).toEqual([
      'model/main: the package differs from the target graph: op 76, conv "pooler_dense_conv", takes another weight',
      'model.safetensors is not the file that was converted: its sha256 differs',
    ])
  })

  test('a folder against golden outputs alone', async () => {
    const folder = await converted(fixture('base'))
    const { ok, comparisons } = await validate({ folder, golden: join(fixture('base'), golden) })
    expect(ok).toBe(true)
    expect([...new Set(comparisons.map(({ line, actual, expected }) => `${line}: ${actual} vs ${expected}`))]).toEqual([
      'onnx: ONNX file vs original',
      'weights: package vs original',
      'arithmetic: package, every op rounded vs package',
      'total: package, every op rounded vs original',
    ])
  })

  test('needs something to compare with', async () => {
    await expect(validate({ folder: await converted(fixture('base')) })).rejects.toMatchObject({ code: 'E_USAGE' })
    await expect(validate({ folder: temporary() })).rejects.toMatchObject({ code: 'E_NOT_CONVERTED' })
    await expect(validate({ folder: write(temporary(), { 'silane.json': '{}' }) })).rejects.toMatchObject({ code: 'E_MANIFEST' })
  })

  test('golden outputs that fit no function', async () => {
    const folder = join(temporary(), 'out')
    await convert({ model: fixture('base'), seq: [16], out: folder, validate: false })
    await expect(validate({ folder, golden: fixture('base') })).rejects.toMatchObject({ code: 'E_GOLDEN' })
  })

  test.each([
    ['not there', 'E_GOLDEN', undefined],
    ['too short', 'E_SAFETENSORS_TRUNCATED', new Uint8Array(4)],
    ['a header longer than the file', 'E_SAFETENSORS_TRUNCATED', Uint8Array.from([255, 0, 0, 0, 0, 0, 0, 0])],
    ['no header', 'E_SAFETENSORS_HEADER', Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 91, 93])],
  ])('golden outputs that are no golden outputs: %s', async (_, code, bytes) => {
    const file = join(temporary(), 'golden.model.safetensors')
    if (bytes) writeFileSync(file, bytes)
    const folder = await converted(fixture('base'))
    await expect(validate({ folder, golden: file })).rejects.toMatchObject({ code, exitCode: 2 })
  })
})

const decoder = (name: string) => fileURLToPath(new URL(`../../../plugins/gpt2/fixtures/${name}`, import.meta.url))

test.each([
  ['in one piece', 'text-generation', undefined, ['decoder true true']],
  ['cut in two', 'text-generation', 160_000, ['decoder_0 true false', 'decoder_1 true false', 'decoder false true']],
  [
    'cut in three',
    'inverse-layer-idx',
    180_000,
    ['decoder_0 true false', 'decoder_1 true false', 'decoder_2 true false', 'decoder false true'],
  ],
])('a decoder over its cache, %s', async (_, fixtureName, maxPackageBytes, programs) => {
  const model = decoder(fixtureName)
  const { ok, comparisons, manifest } = await convert({ model, context: 32, prefill: 8, maxPackageBytes, out: join(temporary(), 'out') })
  expect(ok).toBe(true)
  const driven = comparisons.filter(comparison => comparison.function === 'cached-decoder')
  expect(driven.map(({ line, expected }) => `${line} vs ${expected}`)).toEqual([
    'original vs original',
    'onnx vs source graph',
    'onnx vs original',
    'lowering vs source graph',
    'file vs target graph',
    'weights vs source graph',
    'arithmetic vs package',
    'total vs source graph',
  ])
  const names = manifest.programs.map(
    ({ name, coreml, functions }) => `${name} ${coreml !== undefined} ${functions[0]?.onnx !== undefined}`,
  )
  expect(names).toEqual(programs)
})

test('a decoder against golden outputs alone: its ONNX file takes fp32, though the package takes fp16', async () => {
  const [model, folder] = [decoder('inverse-layer-idx'), join(temporary(), 'out')]
  await convert({ model, context: 32, prefill: 8, out: folder, validate: false })
  expect(await validate({ folder, golden: model })).toMatchObject({ ok: true })
})
