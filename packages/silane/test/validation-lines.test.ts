import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, Builder, type Comparison, denseConstant, type Tensors } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
import { describeTensors } from '../src/convert/describe-tensors.ts'
import type { DeployedOutput } from '../src/manifest.ts'
import { describeCoverage } from '../src/report/describe-coverage.ts'
import { chooseSamples } from '../src/validate/choose-samples.ts'
import { compareOutputs } from '../src/validate/compare-outputs.ts'
import { chooseGates, type GateOptions } from '../src/validate/gates.ts'
import type { Goldens } from '../src/validate/goldens.ts'
import { missedGates } from '../src/validate/missed-gates.ts'
import { validate } from '../src/validate/validate.ts'
import { change, copyOf, fixture, temporary } from './workspace.ts'

const floats = (...values: number[]) => denseConstant('fp32', [values.length], Float32Array.from(values))

describe('gates', () => {
  const shown = (options: Partial<GateOptions>) =>
    chooseGates({ precision: 'fp16', onnxPrecision: 'fp32', hasSource: true, ...options }).map(
      ({ line, actual, expected, gate, warn }) => `${line}: ${actual} vs ${expected} ${gate ?? `reported, warning below ${warn}`}`,
    )

  test('in fp16', () => {
    expect(shown({})).toMatchInlineSnapshot(`
      [
        "original: source vs original 100",
        "onnx: onnx vs source 95",
        "onnx: onnx vs original 95",
        "lowering: lowered vs source 100",
        "file: package vs target 120",
        "weights: package vs source reported, warning below 60",
        "arithmetic: rounded vs package 40",
        "total: rounded vs source 40",
      ]
    `)
  })

  test('in fp32 nothing is rounded', () => {
    expect(shown({ precision: 'fp32' })).toMatchInlineSnapshot(`
      [
        "original: source vs original 100",
        "onnx: onnx vs source 95",
        "onnx: onnx vs original 95",
        "lowering: lowered vs source 100",
        "file: package vs target 120",
        "total: package vs original 95",
      ]
    `)
  })

  test('ONNX with weights in fp16 has a weights line of its own', () => {
    expect(shown({ onnxPrecision: 'fp16' }).filter(gate => gate.includes('onnx'))).toMatchInlineSnapshot(`
      [
        "weights: onnx vs source reported, warning below 60",
        "total: onnx vs source 40",
      ]
    `)
  })

  test('without the checkpoint the original takes the place of the source graph', () => {
    expect(shown({ hasSource: false }).filter(gate => /^(weights|total)/.test(gate))).toMatchInlineSnapshot(`
      [
        "weights: package vs original reported, warning below 60",
        "total: rounded vs original 40",
      ]
    `)
  })
})

describe('samples', () => {
  const classifier = (labels: number) => {
    const b = new Builder('main')
    const x = b.input('x', 'fp32', [1, labels])
    return b.finish({ logits: b.relu({ x }) })
  }
  const golden = (count: number, labels: number): Goldens => {
    const tensors: Tensors = { x: denseConstant('fp32', [1, labels], new Float32Array(labels)) }
    const samples = Array.from({ length: count }, () => ({ inputs: tensors, outputs: { logits: tensors.x as never } }))
    return new Map([['model', { samples, valid: {}, drive: undefined, flags: ['--seq', '9'] }]])
  }

  const stage = (labels: number) => ({ graph: classifier(labels), ports: describeTensors(classifier(labels), 'coreml') })

  test.each([
    [1, 16],
    [2, 16],
    [10, 7],
    [40, 2],
    [768, 2],
  ])('an output of %d elements is compared over %d', (labels, count) => {
    const { samples, source } = chooseSamples('model', stage(labels), undefined, new Map())
    expect({ count: samples.length, source }).toEqual({ count, source: 'random' })
    // Each is another one.
    expect(new Set(samples.map(({ inputs }) => String(inputs.x?.read(0, 1)))).size).toBe(count)
  })

  test('golden ones are taken as they are, and random ones follow where they are too few', () => {
    const { samples, source } = chooseSamples('model', stage(2), undefined, golden(3, 2))
    expect(source).toBe('golden')
    expect(samples.map(sample => sample.golden !== undefined)).toEqual([...Array(3).fill(true), ...Array(13).fill(false)])
    expect(chooseSamples('model', stage(100), undefined, golden(3, 100)).samples).toHaveLength(3)
  })

  test('golden ones with an input that only another function of the program has are that function’s', () => {
    const goldens = golden(3, 2)
    const [[, found]] = [...goldens] as [[string, NonNullable<ReturnType<Goldens['get']>>]]
    const samples = found.samples.map(({ inputs, outputs }) => ({ inputs: { ...inputs, more: inputs.x as never }, outputs }))
    const chosen = (others: string[]) =>
      chooseSamples('model', stage(2), undefined, new Map([['model', { ...found, samples }]]), new Set(others))
    expect(chosen(['x', 'more'])).toMatchObject({ source: 'random', note: undefined })
    expect(chosen(['x'])).toMatchObject({ source: 'golden' })
  })

  test('golden ones that do not fit are a note that says what they are for', () => {
    const { note, source } = chooseSamples('model', stage(2), undefined, golden(1, 5))
    expect(source).toBe('random')
    expect(note).toBe(
      'model/main: the golden outputs were not compared: their samples have x [1,5], the program takes x [1,2]. They were made for --seq 9',
    )
  })
})

describe('comparing', () => {
  const label = { program: 'model', function: 'main', line: 'total', actual: 'package', expected: 'source graph', gate: 40 } as const
  const runs = (actual: readonly Tensors[], expected: readonly (Tensors | undefined)[], outputs: readonly DeployedOutput[] = []) => ({
    actual,
    expected,
    samples: expected.map(golden => ({ inputs: {}, golden })),
    valid: {},
    outputs,
  })

  test('takes the samples of an output together, and leaves out those without a reference', () => {
    const [found] = compareOutputs(
      label,
      runs([{ y: floats(1, 2) }, { y: floats(9, 9) }, { y: floats(4, 1) }], [{ y: floats(1, 2) }, undefined, { y: floats(4, 2) }]),
    )
    expect(found).toMatchObject({ output: 'y', ok: false, maxAbs: 1 })
    expect(found?.psnr).toBeCloseTo(10 * Math.log10(16 / (1 / 4)), 10)
  })

  test('one run that stands for both is equal, whatever came out of it', () => {
    const results = [{ y: floats(Number.NaN) }]
    expect(compareOutputs(label, runs(results, results))[0]).toMatchObject({ psnr: Number.POSITIVE_INFINITY, ok: true })
  })

  test('says what cannot be compared', () => {
    const missed = compareOutputs(label, runs([{ y: floats(1), z: floats(Number.NaN) }], [{ x: floats(1), y: floats(1, 2), z: floats(1) }]))
    expect(missedGates(missed)).toMatchInlineSnapshot(`
      [
        "model/main x, total (package vs source graph): it is not there",
        "model/main y, total (package vs source graph): its shape is [1] instead of [2]",
        "model/main z, total (package vs source graph): not finite: NaN where the reference has 1",
      ]
    `)
  })

  test('an index may choose another score that is as good within the gate, and what follows from it goes with it', () => {
    const outputs = [
      { name: 'at', dtype: 'int32', shape: [1], best: { of: 'scores', axis: 0 } },
      { name: 'place', dtype: 'int32', shape: [1], follows: 'at' },
    ]
    const whole = (x: number) => arrayConstant('int32', [1], Int32Array.of(x))
    const scores = floats(-10, 9.95, 10, 3)
    const reference = { scores, at: whole(2), place: whole(20) }
    const compared = (at: number, place: number, expected: Tensors = reference) =>
      compareOutputs(label, runs([{ ...expected, at: whole(at), place: whole(place) }], [expected], outputs)).map(({ output, ok }) => [
        output,
        ok,
      ])
    const verdict = (at: boolean, place: boolean) =>
      expect.arrayContaining([
        ['at', at],
        ['place', place],
      ])
    expect(compared(2, 20)).toEqual(verdict(true, true))
    expect(compared(1, 10)).toEqual(verdict(true, true))
    expect(compared(3, 30)).toEqual(verdict(false, true))
    expect(compared(2, 10)).toEqual(verdict(true, false))
    // Without the scores nothing tells how near the two are.
    expect(compared(1, 10, { at: whole(2), place: whole(20) })).toEqual(verdict(false, true))
  })

  test('a figure that is only reported misses nothing, but there must be one', () => {
    const reported = { ...label, gate: undefined }
    expect(compareOutputs(reported, runs([{ y: floats(1, 5) }], [{ y: floats(1, 2) }]))[0]?.ok).toBe(true)
    expect(compareOutputs(reported, runs([{ y: floats(Number.NaN) }], [{ y: floats(1) }]))[0]?.ok).toBe(false)
  })

  test('a miss names the output, the line and by how much', () => {
    const comparison: Comparison = { ...label, output: 'logits', psnr: 38.25, worst: 38.25, maxAbs: 1, cosine: 1, ok: false }
    expect(missedGates([comparison, { ...comparison, ok: true }])).toEqual([
      'model/main logits, total (package vs source graph): 38.3 dB, 1.8 dB short of 40',
    ])
  })

  test('what was held against the original is said, and what was not', () => {
    const coverage = { program: 'decoder', function: 'step', inputs: 'random', samples: 2, original: false } as const
    expect(describeCoverage([coverage, { ...coverage, function: 'cached-decoder', inputs: 'golden', samples: 3, original: true }])).toEqual(
      [
        'Compared with the original implementation: decoder/cached-decoder (3 golden samples).',
        'Not compared with the original implementation, only its stages with one another: decoder/step (2 random samples).',
      ],
    )
    expect(describeCoverage([])).toEqual([])
  })
})

/** Renames tensors of a golden file to names of the same length. */
function rename(file: string, from: string, to: string): void {
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  bytes.write(bytes.toString('latin1', 8, 8 + length).replaceAll(from, to), 8, 'latin1')
  writeFileSync(file, bytes)
}

describe('a conversion', () => {
  test('whose weights do not bear rounding is ok, with a warning', async () => {
    const model = copyOf('base')
    change(join(model, 'model.safetensors'), 'pooler.dense.weight', old => old * 30)
    const { ok, report, comparisons } = await convert({ model, seq: [16], targets: ['coreml'], out: join(temporary(), 'out') })
    expect(ok).toBe(true)
    const weights = comparisons.find(({ line, output }) => line === 'weights' && output === 'pooler_output')
    expect(weights?.psnr).toBeLessThan(60)
    expect(weights?.gate).toBeUndefined()
    expect(report.warnings.map(warning => warning.replaceAll(/\d+\.\d/g, 'N'))).toMatchInlineSnapshot(`
      [
        "model/main pooler_output, package: the weights lose this much in fp16, whatever converts them: N dB are left; 60 and more are usual",
      ]
    `)
  })

  test('a weight that becomes infinite makes it not ok, validated or not', async () => {
    const model = copyOf('base')
    change(join(model, 'model.safetensors'), 'pooler.dense.weight', (old, index) => (index === 3 ? 1e6 : old))
    const out = join(temporary(), 'out')
    expect(await main(['convert', model, '--seq', '16', '--target', 'coreml', '--no-validate', '--out', out])).toBe(3)
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))
    expect(report).toMatchObject({ ok: false, validated: false, comparisons: [] })
    expect(report.misses).toMatchInlineSnapshot(`
      [
        "model.mlpackage: 1 element of main: pooler_dense_const_2 (pooler.dense.weight) became infinite in fp16; --precision fp32 keeps it",
      ]
    `)
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('became infinite in fp16')
    const { ok } = await convert({ model, seq: [16], targets: ['coreml'], precision: 'fp32', out: join(temporary(), 'out') })
    expect(ok).toBe(true)
  })

  test('golden outputs that the program lacks are noted, the others are compared', async () => {
    const model = copyOf('base')
    const golden = join(model, 'golden.model.safetensors')
    rename(golden, 'out.pooler_output', 'out.pooler_outpux')
    const { ok, report } = await convert({ model, seq: [24], targets: ['onnx'], out: join(temporary(), 'out') })
    expect(ok).toBe(true)
    expect(report.notes).toEqual([
      'model/main: there is a golden output "pooler_outpux", which the program lacks; it has last_hidden_state, pooler_output',
    ])
    expect(report.coverage).toMatchObject([{ original: true }])
    rename(golden, 'out.last_hidden_state', 'out.last_hidden_statx')
    await expect(convert({ model, seq: [24], targets: ['onnx'], golden, out: join(temporary(), 'out') })).rejects.toMatchObject({
      code: 'E_GOLDEN',
      what: expect.stringContaining('which the program lacks; it has last_hidden_state, pooler_output'),
    })
  })

  test('says in report.html that nothing was held against the original', async () => {
    const out = join(temporary(), 'out')
    await convert({ model: fixture('base'), seq: [16], targets: ['coreml'], out })
    const page = readFileSync(join(out, 'report.html'), 'utf8')
    expect(page).toMatch(/8 outputs pass, lowest \d+\.\d dB, not compared with the original/)
    expect(page).toContain(
      'Not compared with the original implementation, only its stages with one another: model/main (2 random samples).',
    )
  })

  test('a decoder without the flags of its golden outputs is compared on random samples, and says which flags those are', async () => {
    const model = fileURLToPath(new URL('../../../plugins/t5/fixtures/flan', import.meta.url))
    const { ok, report } = await convert({ model, out: join(temporary(), 'out') })
    expect(ok).toBe(true)
    expect(report.notes).toMatchInlineSnapshot(`
      [
        "encoder/main: the golden outputs were not compared: their samples have input_ids [1,24], attention_mask [1,24], the program takes input_ids [1,512], attention_mask [1,512]. They were made for --seq 24 --context 32 --prefill 8",
        "decoder: its golden outputs were not compared: Input "input_ids" of "encoder.onnx" is int32[1, 24]; the program takes int64[1, 512]. They were made for --seq 24 --context 32 --prefill 8",
      ]
    `)
    expect(report.coverage.map(({ program, function: name, inputs, original }) => `${program}/${name} ${inputs} ${original}`)).toEqual([
      'encoder/main random false',
      'decoder/prefill random false',
      'decoder/step random false',
    ])
    const again = convert({ model, seq: [16], context: 32, prefill: 8, golden: model, out: join(temporary(), 'out') })
    await expect(again).rejects.toMatchObject({ code: 'E_GOLDEN', what: expect.stringContaining('They were made for --seq 24') })
  })

  test('a package that changed on disk is run beside what it should be', async () => {
    const out = join(temporary(), 'out')
    await convert({ model: fixture('base'), seq: [24], out, validate: false })
    const file = join(out, 'model.mlpackage/Data/com.apple.CoreML/weights/weight.bin')
    const bytes = readFileSync(file)
    // The sign and exponent of the last element of the last record, which is the pooler's.
    bytes.writeUInt16LE(0x4500, bytes.length - 2)
    writeFileSync(file, bytes)
    const { ok, comparisons, notes } = await validate({ folder: out, model: fixture('base') })
    expect(ok).toBe(false)
    expect(notes).toHaveLength(1)
    expect(notes[0]).toMatch(
      /^model\/main: the package differs from the target graph: op \d+, conv "pooler_dense_conv", takes another (weight|bias)$/,
    )
    const missed = comparisons.filter(comparison => !comparison.ok)
    expect(missed.map(({ line, output }) => `${line} ${output}`)).toContain('file pooler_output')
    // What the loss is put down to: neither the lowering nor the rounding of ops.
    expect(missed.map(({ line }) => line)).not.toContain('lowering')
    expect(missed.map(({ line }) => line)).not.toContain('arithmetic')
  })
})
