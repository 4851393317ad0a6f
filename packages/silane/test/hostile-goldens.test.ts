import { rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { readGoldens } from '../src/validate/goldens.ts'
import { copyOf, temporary, write } from './workspace.ts'

const compared = (model: string, golden?: string) =>
  convert({ model, seq: [24], out: join(temporary(), 'out'), targets: ['onnx'], ...(golden === undefined ? {} : { golden }) })

const bytesOf = (header: object, size: number): Buffer => {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(size)])
}

const float = (begin: number, end: number, dtype = 'F32') => ({ dtype, shape: [1], data_offsets: [begin, end] })

test.each([
  ['E_SAFETENSORS_OFFSETS', { '0.in.x': float(0, 4), '0.in.y': float(0, 4) }, 4],
  ['E_SAFETENSORS_HEADER', { '0.in.x': float(0, 4) }, 8],
  ['E_TENSOR_DTYPE', { '0.in.x': float(0, 4, 'constructor') }, 4],
  ['E_GOLDEN', { weight: float(0, 4) }, 4],
])('a golden file is read as weights are: %s', async (code, header, size) => {
  const model = copyOf('base')
  writeFileSync(join(model, 'golden.model.safetensors'), bytesOf(header, size))
  await expect(compared(model)).rejects.toMatchObject({ code, exitCode: 2 })
})

test('names that mean something to the language are names', () => {
  const folder = write(temporary(), {
    'golden.constructor.safetensors': bytesOf({ '0.in.__proto__': float(0, 4), '0.out.constructor': float(4, 8) }, 8),
    'case.json': '{"programs":{"__proto__":{"valid":{"constructor":"toString"}}}}',
  })
  const [sample] = readGoldens(folder, []).get('constructor')?.samples ?? []
  expect(Object.keys(sample?.inputs ?? {})).toEqual(['__proto__'])
  expect(Object.keys(sample?.outputs ?? {})).toEqual(['constructor'])
  expect(readGoldens(folder, []).get('constructor')).toMatchObject({ valid: {}, drive: undefined })
})

test.each([
  ['E_JSON', '{'],
  ['E_JSON_LIMIT', '['.repeat(1000)],
  ['E_GOLDEN', 'null'],
  ['E_GOLDEN', { programs: { model: { drive: 'constructor' } } }],
  ['E_GOLDEN', { programs: { model: { valid: [] } } }],
  ['E_GOLDEN', { programs: { model: { valid: { pooler_output: 'attention_mask' } } } }],
])('a case.json that is none is refused: %s', async (code, content) => {
  await expect(compared(write(copyOf('base'), { 'case.json': content }))).rejects.toMatchObject({ code, exitCode: 2 })
})

test('a mask that is of the language is none', async () => {
  const model = write(copyOf('base'), { 'case.json': { programs: { model: { valid: { last_hidden_state: 'constructor' } } } } })
  expect((await compared(model)).report.coverage).toMatchObject([{ original: true }])
})

test('golden files are read where they are asked for, or where the folder is a fixture', async () => {
  const model = copyOf('base')
  rmSync(join(model, 'case.json'))
  const { report } = await compared(model)
  expect(report.coverage).toMatchObject([{ original: false }])
  expect(report.notes.join('\n')).toContain('the folder has golden outputs (golden.model.safetensors) and no case.json: they were not read')
  expect((await compared(model, model)).report.coverage).toMatchObject([{ original: true }])
})

test('without golden files nobody looks at case.json; with them, a link out is refused', async () => {
  const model = copyOf('base')
  rmSync(join(model, 'case.json'))
  symlinkSync('/dev/zero', join(model, 'case.json'))
  await expect(compared(model)).rejects.toMatchObject({ code: 'E_FILE_LINK' })
  rmSync(join(model, 'golden.model.safetensors'))
  expect(await compared(model)).toMatchObject({ ok: true })
})

test('golden files of one folder are bounded together', () => {
  const folder = write(temporary(), { 'case.json': '{}' })
  for (const program of ['a', 'b', 'c']) {
    writeFileSync(join(folder, `golden.${program}.safetensors`), '')
    truncateSync(join(folder, `golden.${program}.safetensors`), 2 ** 28)
  }
  const what = expect.stringContaining('golden.c.safetensors')
  expect(() => readGoldens(folder, [])).toThrow(expect.objectContaining({ code: 'E_GOLDEN', what }))
})

test('masks of a program are few', () => {
  const valid = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`output_${i}`, 'mask']))
  const folder = write(temporary(), {
    'golden.a.safetensors': bytesOf({ '0.in.x': float(0, 4) }, 4),
    'case.json': { programs: { a: { valid } } },
  })
  expect(() => readGoldens(folder, [])).toThrow(expect.objectContaining({ code: 'E_GOLDEN' }))
})
