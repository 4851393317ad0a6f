import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { main } from '../src/cli.ts'
import { change, copyOf, temporary } from './workspace.ts'

const WEIGHT = 'encoder.layer.0.intermediate.dense.weight'
const WARNING = `one tensor of the checkpoint holds infinities or NaN, in the original too: ${WEIGHT}`
const MISS = `model.mlpackage: 1 element of main: encoder_layer_0_intermediate_dense_const_2 (${WEIGHT}) became infinite in fp16; --precision fp32 keeps it`

/** Converts a checkpoint whose weight has one element of this value, and gives the exit code and what the report says. */
async function conversion(value: number | undefined, flags: readonly string[]) {
  const model = copyOf('base')
  if (value !== undefined) change(join(model, 'model.safetensors'), WEIGHT, (old, index) => (index === 7 ? value : old))
  const out = join(temporary(), 'out')
  const code = await main(['convert', model, '--seq', '8', '--out', out, ...flags])
  const { ok, warnings, misses } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))
  return { code, ok, warnings, misses }
}

const kinds = [
  ['--target', 'coreml', '--precision', 'fp16'],
  ['--target', 'coreml', '--precision', 'fp32'],
  ['--target', 'onnx', '--onnx-precision', 'fp16'],
  ['--target', 'onnx', '--onnx-precision', 'fp32'],
]
const odd = [Number.NaN, Number.POSITIVE_INFINITY]

describe('a weight that is no number', () => {
  test.each(kinds.flatMap(flags => odd.map(value => ({ value, flags }))))('$value with $flags is a warning', async ({ value, flags }) => {
    const expected = { code: 0, ok: true, warnings: [WARNING], misses: [] }
    expect(await conversion(value, [...flags, '--no-validate'])).toEqual(expected)
    const { warnings } = await conversion(value, flags)
    expect(warnings).toContain(WARNING)
  })
})

describe('a weight of 1e6', () => {
  test('overflows in a package of fp16, validated or not', async () => {
    const flags = ['--target', 'coreml']
    expect(await conversion(1e6, [...flags, '--no-validate'])).toEqual({ code: 3, ok: false, warnings: [], misses: [MISS] })
    const { code, ok, misses, warnings } = await conversion(1e6, flags)
    expect({ code, ok }).toEqual({ code: 3, ok: false })
    expect(misses).toContain(MISS)
    expect(warnings).not.toContain(WARNING)
  })

  test.each(kinds.slice(1))('is kept with %s %s %s %s', async (...flags) => {
    expect(await conversion(1e6, [...flags, '--no-validate'])).toEqual({ code: 0, ok: true, warnings: [], misses: [] })
  })
})

test.each(kinds)('a checkpoint of numbers says nothing with %s %s %s %s', async (...flags) => {
  expect(await conversion(undefined, flags)).toEqual({ code: 0, ok: true, warnings: [], misses: [] })
})
