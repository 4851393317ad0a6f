import { type DType, readAll, sizeOf } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../src/index.ts'
import { failure, temporary } from './temporary.ts'
import { type Given, rawSafetensors, safetensors } from './write-safetensors.ts'

const floats = (shape: readonly number[], values: readonly number[]): Given => ({ dtype: 'fp32', shape, data: Float32Array.from(values) })
const int8 = (shape: readonly number[], values: readonly number[]): Given => ({ dtype: 'int8', shape, data: Int8Array.from(values) })

/** A checkpoint of one weights file and what config.json says beside `model_type`. */
const files = (tensors: Uint8Array, config: object = {}) => ({
  'config.json': JSON.stringify({ model_type: 'bert', ...config }),
  'model.safetensors': tensors,
})

const bitsAndBytes = { quantization_config: { quant_method: 'bitsandbytes', load_in_8bit: true, load_in_4bit: false } }
const blocks = (size?: readonly number[]) => ({
  quantization_config: { quant_method: 'fp8', ...(size ? { weight_block_size: size } : {}) },
})

/** One tensor `w.weight` of fp8, given by its bytes, and fp32 tensors beside it. */
function float8(
  format: 'F8_E4M3' | 'F8_E5M2',
  shape: readonly number[],
  bytes: readonly number[],
  others: Readonly<Record<string, Given>>,
) {
  const header: Record<string, unknown> = { 'w.weight': { dtype: format, shape, data_offsets: [0, bytes.length] } }
  const parts = [Uint8Array.from(bytes)]
  let at = bytes.length
  for (const [name, { shape: dims, data }] of Object.entries(others)) {
    header[name] = { dtype: 'F32', shape: dims, data_offsets: [at, at + data.byteLength] }
    parts.push(new Uint8Array(data.buffer))
    at += data.byteLength
  }
  return rawSafetensors(header, Buffer.concat(parts))
}

async function weight(given: Readonly<Record<string, string | Uint8Array>>, name = 'w.weight') {
  const checkpoint = await openCheckpoint(temporary(given))
  try {
    if (checkpoint.refusal) throw checkpoint.refusal
    const tensor = checkpoint.tensor(name)!
    const values = [...readAll(tensor)].map(Number)
    // However it is cut, it is the same.
    const size = sizeOf(tensor.shape)
    const pieces = Array.from({ length: Math.ceil(size / 3) }, (_, i) => [...tensor.read(i * 3, Math.min(3, size - i * 3))].map(Number))
    expect(pieces.flat()).toEqual(values)
    return { values, dtype: tensor.dtype satisfies DType, names: checkpoint.tensorNames, notes: checkpoint.notes }
  } finally {
    checkpoint.close()
  }
}

/** The refusal of a checkpoint, which its tensors give too, while its header can be looked at. */
async function refusal(given: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = temporary(given)
  const checkpoint = await openCheckpoint(folder)
  const said = await failure(() => {
    if (checkpoint.refusal) throw checkpoint.refusal
  }, folder)
  expect(await failure(() => checkpoint.tensor('w.weight'), folder)).toBe(said)
  checkpoint.close()
  return said
}

describe('int8 of bitsandbytes', () => {
  const stored = {
    'w.weight': int8([2, 3], [127, -127, 0, 1, 2, -128]),
    'w.SCB': floats([2], [2, 0.5]),
    'w.weight_format': { dtype: 'uint8', shape: [], data: Uint8Array.of(0) } satisfies Given,
    'w.bias': floats([2], [1, 2]),
  }

  it('is weight · SCB / 127, rounded once', async () => {
    const { values, dtype, names, notes } = await weight(files(safetensors(stored), bitsAndBytes))
    expect(dtype).toBe('fp32')
    expect(values).toEqual([2, -2, 0, 0.5 / 127, 1 / 127, -64 / 127].map(Math.fround))
    expect(names).toEqual(['w.weight', 'w.bias'])
    expect(notes).toMatchInlineSnapshot(`
      [
        "model.safetensors: one weight of 8 bits taken times the scales beside them, exactly; where the original rounds activations to 8 bits too, that is not done",
      ]
    `)
  })

  it('is told by the tensors, whatever config.json says', async () => {
    expect((await weight(files(safetensors(stored)))).values[0]).toBe(2)
  })

  it('is refused where rows are not in their order, or scales do not fit', async () => {
    const tiled = { ...stored, 'w.weight_format': { dtype: 'uint8', shape: [], data: Uint8Array.of(2) } satisfies Given }
    expect(await refusal(files(safetensors(tiled), bitsAndBytes))).toContain('w.weight_format is not 0')
    const empty = { ...stored, 'w.weight_format': { dtype: 'uint8', shape: [0], data: new Uint8Array() } satisfies Given }
    expect(await refusal(files(safetensors(empty), bitsAndBytes))).toContain('w.weight_format is not 0')
    expect(await refusal(files(safetensors({ ...stored, 'w.SCB': floats([3], [1, 1, 1]) }), bitsAndBytes))).toContain(
      'w.SCB is [3] for [2,3]',
    )
  })
})

describe('fp8', () => {
  it('has every value of its formats', async () => {
    const e4m3 = await weight(files(float8('F8_E4M3', [8], [0x00, 0x80, 0x01, 0x08, 0x38, 0xb9, 0x7e, 0x7f], {})))
    expect(e4m3.values).toEqual([0, -0, 2 ** -9, 2 ** -6, 1, -1.125, 448, Number.NaN])
    const e5m2 = await weight(files(float8('F8_E5M2', [6], [0x01, 0x3c, 0xbd, 0x7b, 0x7c, 0x7e], {})))
    expect(e5m2.values).toEqual([2 ** -16, 1, -1.25, 57344, Number.POSITIVE_INFINITY, Number.NaN])
  })

  const ones = Array.from({ length: 6 }, () => 0x38)

  it.each<[string, readonly number[], readonly number[], object, readonly number[]]>([
    ['the tensor', [], [3], {}, [3, 3, 3, 3, 3, 3]],
    ['a row', [2, 1], [3, 5], {}, [3, 3, 3, 5, 5, 5]],
    ['a row, in a list', [2], [3, 5], {}, [3, 3, 3, 5, 5, 5]],
    ['a block', [1, 2], [3, 5], blocks([2, 2]), [3, 3, 5, 3, 3, 5]],
    ['a block of 128 × 128, where none is named', [1, 1], [7], blocks(), [7, 7, 7, 7, 7, 7]],
  ])('is multiplied with the scale of %s', async (_, shape, scales, config, expected) => {
    for (const name of ['w.weight_scale', 'w.weight_scale_inv']) {
      const { values, names } = await weight(files(float8('F8_E4M3', [2, 3], ones, { [name]: floats(shape, scales) }), config))
      expect(values).toEqual(expected)
      expect(names).toEqual(['w.weight'])
    }
  })

  it('has a scale for each block of 128, of which the last is cut short', async () => {
    const bytes = Array.from({ length: 130 * 2 }, () => 0x38)
    const { values } = await weight(files(float8('F8_E4M3', [130, 2], bytes, { 'w.weight_scale_inv': floats([2, 1], [2, 4]) }), blocks()))
    expect([values[0], values[255], values[256], values[259]]).toEqual([2, 2, 4, 4])
  })

  it('is refused without the scales that it should have', async () => {
    expect(await refusal(files(float8('F8_E4M3', [2, 3], ones, {}), blocks()))).toContain('without scales')
    expect(await refusal(files(float8('F8_E4M3', [2, 3], ones, { 'w.scale_weight': floats([], [2]) })))).toContain('with w.scale_weight')
    expect(await refusal(files(float8('F8_E4M3', [2, 3], ones, { 'w.weight_scale': floats([3], [1, 2, 3]) })))).toContain('[3] for [2,3]')
  })
})

describe('fp8 in many tensors', () => {
  const many = (count: number, name: (at: number) => string) =>
    rawSafetensors(
      Object.fromEntries(Array.from({ length: count }, (_, at) => [name(at), { dtype: 'F8_E4M3', shape: [0], data_offsets: [0, 0] }])),
    )

  it('takes no time for each pair of them', async () => {
    const start = process.cpuUsage()
    for (const name of [(at: number) => `e.${at}.w`, (at: number) => `e${at}`, (at: number) => `scale.w${at}`])
      (await openCheckpoint(temporary(files(many(8000, name))))).close()
    expect(process.cpuUsage(start).user).toBeLessThan(2e6)
  })

  it('is refused with some of the scales that are not known', async () => {
    const others = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`w.inner.${at + 10}_scales`, floats([1], [1])]))
    const said = await refusal(files(float8('F8_E4M3', [1], [0x38], { ...others, 'v.scale': floats([1], [1]), w_scale: floats([1], [1]) })))
    expect(said).toContain('(with w.inner.10_scales, w.inner.11_scales, ')
    expect(said).not.toContain('w.inner.20_scales')
  })
})

describe('other quantised weights', () => {
  const plain = safetensors({ 'w.weight': floats([1], [1]) })

  it('are refused by their method, before anything else', async () => {
    expect(await refusal(files(plain, { quantization_config: { quant_method: 'gptq', bits: 4 } }))).toMatchInlineSnapshot(`
      "E_TENSOR_DTYPE: The checkpoint is quantised (quantization_config of config.json, quant_method "gptq"), in a form that silane does not read.
      Looked in: <place>
      Give the model that it was made from, or what transformers makes of it: model.dequantize(), then save_pretrained. Read are floats, int8 of bitsandbytes and fp8 with its scales."
    `)
    const nf4 = { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' }
    expect(await refusal(files(plain, { quantization_config: nf4 }))).toMatchInlineSnapshot(`
      "E_TENSOR_DTYPE: The checkpoint is quantised (quantization_config of config.json, quant_method "bitsandbytes"), in a form that silane does not read: 4 bits, nf4.
      Looked in: <place>
      Give the model that it was made from, or what transformers makes of it: model.dequantize(), then save_pretrained. Read are floats, int8 of bitsandbytes and fp8 with its scales."
    `)
  })

  it.each(['awq', 'torchao', 'quanto', 'hqq', 'compressed-tensors', 'mxfp4', 'aqlm', 'eetq', 'bitnet', 'method-of-tomorrow'])(
    '%s too',
    async method => {
      expect(await refusal(files(plain, { quantization_config: { quant_method: method } }))).toContain(`quant_method "${method}"`)
      expect(await refusal(files(plain, { text_config: { quantization_config: { quant_method: method } } }))).toContain(method)
    },
  )

  it('are refused even where the file cannot be read', async () => {
    const given = { 'config.json': JSON.stringify({ quantization_config: { quant_method: 'torchao' } }), 'pytorch_model.bin': 'no pickle' }
    expect(await refusal(given)).toContain('E_TENSOR_DTYPE')
  })

  it.each<[string, string, Given]>([
    ['GPTQ or AWQ', 'w.qweight', { dtype: 'int32', shape: [1], data: Int32Array.of(1) }],
    ['bitsandbytes, 4 bits', 'w.weight.quant_state.bitsandbytes__nf4', { dtype: 'uint8', shape: [1], data: Uint8Array.of(1) }],
    ['HQQ', 'w.W_q', { dtype: 'uint8', shape: [1], data: Uint8Array.of(1) }],
    ['compressed-tensors', 'w.weight_packed', { dtype: 'int32', shape: [1], data: Int32Array.of(1) }],
    ['quanto', 'w.weight._data', { dtype: 'int8', shape: [1], data: Int8Array.of(1) }],
    ['mxfp4', 'w.gate_up_proj_blocks', { dtype: 'uint8', shape: [1], data: Uint8Array.of(1) }],
  ])('are told by their tensors where config.json is silent: %s', async (method, name, tensor) => {
    expect(await refusal(files(safetensors({ [name]: tensor })))).toContain(`is quantised (${method}, by its tensors`)
  })

  it('are any integers that should be a weight', async () => {
    expect(await refusal(files(safetensors({ 'w.weight': int8([1], [1]) })))).toMatchInlineSnapshot(`
      "E_TENSOR_DTYPE: Tensor "w.weight" in model.safetensors has the element type int8 (a weight must have floats), which silane does not read.
      Looked in: <place>
      Use a checkpoint in F32, F16 or BF16; quantised weights can be saved in one of these with transformers."
    `)
  })

  it('are not there where the configuration alone says so', async () => {
    const { values, notes } = await weight(files(plain, bitsAndBytes))
    expect(values).toEqual([1])
    expect(notes).toMatchInlineSnapshot(`
      [
        "config.json: quantization_config says bitsandbytes, but no weight is quantised; they are taken as they are",
      ]
    `)
  })
})
