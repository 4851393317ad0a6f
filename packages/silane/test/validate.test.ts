import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
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
    expect(comparisons.map(({ output, stage, gate }) => `${output}: ${stage} ≥ ${gate}`)).toMatchInlineSnapshot(`
      [
        "last_hidden_state: source vs golden ≥ 100",
        "pooler_output: source vs golden ≥ 100",
        "last_hidden_state: ONNX vs golden ≥ 95",
        "pooler_output: ONNX vs golden ≥ 95",
        "last_hidden_state: ONNX vs source ≥ 95",
        "pooler_output: ONNX vs source ≥ 95",
        "last_hidden_state: package (fp32 compute) vs source ≥ 60",
        "pooler_output: package (fp32 compute) vs source ≥ 60",
        "last_hidden_state: package (fp16 rounding) vs source ≥ 40",
        "pooler_output: package (fp16 rounding) vs source ≥ 40",
      ]
    `)
  })

  test('takes samples of its own where no golden output has the shape', async () => {
    const { comparisons, report } = await convert({ model: fixture('base'), seq: [16], out: join(temporary(), 'out') })
    expect(new Set(comparisons.map(({ stage }) => stage))).toEqual(
      new Set(['ONNX vs source', 'package (fp32 compute) vs source', 'package (fp16 rounding) vs source']),
    )
    expect(report.notes).toMatchInlineSnapshot(`
      [
        "model/main: no golden sample has the inputs input_ids [1,16], attention_mask [1,16], token_type_ids [1,16]",
      ]
    `)
  })

  test('is held to the exact figures in fp32', async () => {
    const { comparisons } = await convert({ model: fixture('base'), seq: [24], precision: 'fp32', out: join(temporary(), 'out') })
    const gates = comparisons.filter(({ stage }) => stage.startsWith('package')).map(({ stage, gate, ok }) => `${stage} ${gate} ${ok}`)
    expect([...new Set(gates)]).toEqual(['package vs source 100 true', 'package vs golden 95 true'])
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
    expect(report.comparisons[0]).toMatchObject({ output: 'last_hidden_state', stage: 'source vs golden', ok: false })
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
    const { ok, comparisons, notes } = await validate({ folder, model: fixture('base') })
    expect(ok).toBe(true)
    expect(comparisons.map(({ stage }) => stage)).toContain('source vs golden')
    expect(notes).toEqual([])
  })

  test('a folder against a checkpoint that has changed', async () => {
    const model = copyOf('base')
    const folder = await converted(model)
    const bytes = readFileSync(join(model, 'model.safetensors'))
    bytes.writeFloatLE(bytes.readFloatLE(bytes.length - 4) + 5, bytes.length - 4)
    writeFileSync(join(model, 'model.safetensors'), bytes)
    const { ok, notes } = await validate({ folder, model })
    expect(ok).toBe(false)
    expect(notes).toEqual(['model.safetensors is not the file that was converted: its sha256 differs'])
  })

  test('a folder against golden outputs alone', async () => {
    const folder = await converted(fixture('base'))
    const { ok, comparisons } = await validate({ folder, golden: join(fixture('base'), golden) })
    expect(ok).toBe(true)
    expect([...new Set(comparisons.map(({ stage }) => stage))]).toEqual([
      'ONNX vs golden',
      'package (fp32 compute) vs golden',
      'package (fp16 rounding) vs golden',
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
    ['not there', undefined],
    ['too short', new Uint8Array(4)],
    ['a header longer than the file', Uint8Array.from([255, 0, 0, 0, 0, 0, 0, 0])],
    ['no header', Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 91, 93])],
  ])('golden outputs that are no golden outputs: %s', async (_, bytes) => {
    const file = join(temporary(), 'golden.model.safetensors')
    if (bytes) writeFileSync(file, bytes)
    const folder = await converted(fixture('base'))
    await expect(validate({ folder, golden: file })).rejects.toMatchObject({ code: 'E_GOLDEN' })
  })
})

const decoder = (name: string) => fileURLToPath(new URL(`../../../plugins/gpt2/fixtures/${name}`, import.meta.url))

test.each([
  ['in one piece', 'text-generation', undefined, ['decoder true true']],
  ['cut in two', 'text-generation', 120_000, ['decoder_0 true false', 'decoder_1 true false', 'decoder false true']],
  [
    'cut in three',
    'inverse-layer-idx',
    100_000,
    ['decoder_0 true false', 'decoder_1 true false', 'decoder_2 true false', 'decoder false true'],
  ],
])('a decoder over its cache, %s', async (_, fixtureName, maxPackageBytes, programs) => {
  const model = decoder(fixtureName)
  const { ok, comparisons, manifest } = await convert({ model, context: 32, prefill: 8, maxPackageBytes, out: join(temporary(), 'out') })
  expect(ok).toBe(true)
  const driven = comparisons.filter(comparison => comparison.function === 'cached-decoder')
  expect(driven.map(({ stage }) => stage)).toEqual([
    'source vs golden',
    'ONNX vs golden',
    'ONNX vs source',
    'package (fp32 compute) vs source',
    'package (fp16 rounding) vs source',
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
