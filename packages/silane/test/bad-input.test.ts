import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import type { ConvertOptions } from '../src/convert/convert-options.ts'
import { copyOf, fixture, temporary, write } from './workspace.ts'

/** Converts a broken copy and gives the error, having seen that nothing was left. */
async function failure(name: string, spoil: (folder: string) => void, options: Partial<ConvertOptions> = {}): Promise<string> {
  const model = copyOf(name)
  spoil(model)
  const parent = temporary()
  try {
    await convert({ model, out: join(parent, 'out'), seq: [8], targets: ['coreml'], validate: false, ...options })
    return 'no error'
  } catch (error) {
    expect(readdirSync(parent)).toEqual([])
    if (!(error instanceof Error) || !('code' in error)) throw error
    expect(error).toHaveProperty('exitCode', 2)
    return `${error.code}: ${error.message}`.replaceAll(model, 'MODEL').replaceAll(/\/\S*package\.json/g, 'package.json')
  }
}

const nothing = () => {}
const weights = (folder: string) => join(folder, 'model.safetensors')

/** Changes the header of the weights; `data` is what follows it. */
const rewrite = (change: (header: Record<string, { shape: number[]; data_offsets: [number, number] }>) => void) => (folder: string) => {
  const bytes = readFileSync(weights(folder))
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  change(header)
  const text = Buffer.from(JSON.stringify(header))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(weights(folder), Buffer.concat([size, text, bytes.subarray(8 + length)]))
}

const configure = (change: Record<string, unknown>) => (folder: string) => {
  const file = join(folder, 'config.json')
  write(folder, { 'config.json': { ...JSON.parse(readFileSync(file, 'utf8')), ...change } })
}

test('no such model', async () => {
  expect(await failure('base', nothing, { model: './not-there' })).toMatch(/^E_MODEL_FOLDER: No folder ".\/not-there"/)
})

test('no config.json', async () => {
  expect(await failure('base', folder => rmSync(join(folder, 'config.json')))).toMatch(
    /^E_NO_CONFIG: There is no config.json, and no plugin/,
  )
})

test('config.json that is not JSON', async () => {
  expect(await failure('base', folder => write(folder, { 'config.json': '{"model_type": ' }))).toMatch(
    /^E_JSON: config.json is not valid JSON/,
  )
})

test('an unknown model type', async () => {
  const message = await failure('base', configure({ model_type: 'wavenet' }))
  expect(message).toMatch(/^E_MODEL_TYPE: No plugin claims the model type "wavenet"/)
  expect(message).toContain('@silane/plugin-bert@')
})

test('an impossible configuration', async () => {
  expect(await failure('base', configure({ num_attention_heads: 7 }))).toMatchInlineSnapshot(`
    "E_CONFIG: config.json: num_attention_heads: does not divide hidden_size.
    Looked in: MODEL
    Correct the file; it should be the one that was published with the weights."
  `)
})

test('a missing tensor, with the closest names', async () => {
  const rename = rewrite(header => {
    header['encoder.layer.1.output.dens.weight'] = header['encoder.layer.1.output.dense.weight']!
    delete header['encoder.layer.1.output.dense.weight']
  })
  expect(await failure('base', rename)).toMatchInlineSnapshot(`
    "E_TENSOR_MISSING: No tensor called "encoder.layer.1.output.dense.weight" in the checkpoint. Closest names: encoder.layer.0.output.dense.weight, encoder.layer.1.output.dens.weight, encoder.layer.1.output.dense.bias.
    Looked in: MODEL
    Check that config.json belongs to these weights, or choose another --task."
  `)
})

test('a tensor of another shape', async () => {
  expect(await failure('base', configure({ intermediate_size: 64 }))).toMatchInlineSnapshot(`
    "E_TENSOR_SHAPE: Tensor "encoder.layer.0.intermediate.dense.weight" has the shape [128, 48]; the configuration asks for [64, 48].
    Looked in: MODEL
    Check that config.json belongs to these weights."
  `)
})

test('weights that were cut off', async () => {
  const message = await failure('base', folder => writeFileSync(weights(folder), readFileSync(weights(folder)).subarray(0, -1000)))
  expect(message).toMatch(/^E_SAFETENSORS_TRUNCATED: /)
})

test('a header longer than the file', async () => {
  const spoil = (folder: string) => {
    const bytes = readFileSync(weights(folder))
    bytes.writeBigUInt64LE(BigInt(bytes.length * 2))
    writeFileSync(weights(folder), bytes)
  }
  expect(await failure('base', spoil)).toMatch(/^E_SAFETENSORS_TRUNCATED: /)
})

test('offsets that overlap', async () => {
  const overlap = rewrite(header => {
    const [first, second] = Object.values(header).filter(entry => entry.data_offsets)
    second!.data_offsets = first!.data_offsets
    second!.shape = first!.shape
  })
  expect(await failure('base', overlap)).toMatch(/^E_SAFETENSORS_OFFSETS: /)
})

test('an index that points outside the folder', async () => {
  const spoil = (folder: string) => {
    const file = 'model.safetensors.index.json'
    const index = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    const [name] = Object.keys(index.weight_map)
    index.weight_map[name!] = '../../etc/passwd'
    write(folder, { [file]: index })
  }
  expect(await failure('sharded', spoil)).toMatch(/^E_FILE_NAME: .*"..\/..\/etc\/passwd"/)
})

test('no weights', async () => {
  expect(await failure('base', folder => rmSync(weights(folder)))).toMatch(/^E_WEIGHTS_MISSING: |^E_TENSOR_MISSING: /)
})

test.each<[string, Partial<ConvertOptions>, string]>([
  ['a task that the family does not have', { task: 'image-classification' }, 'E_OPTION'],
  ['a length over the positions', { seq: [4096] }, 'E_OPTION'],
  ['a length of 0', { seq: [0] }, 'E_OPTION'],
  ['no lengths', { seq: [] }, 'E_OPTION'],
  ['half a row', { batch: 0.5 }, 'E_OPTION'],
  ['no targets', { targets: [] }, 'E_OPTION'],
  ['a cache of a model that has none', { kv: 'state' }, 'E_OPTION_UNKNOWN'],
  ['slots of a model that has no cache', { context: 64 }, 'E_OPTION_UNKNOWN'],
  ['an unknown option', { options: { choises: 3 } }, 'E_OPTION_UNKNOWN'],
  ['an option of another type', { task: 'multiple-choice', options: { choices: 'three' } }, 'E_OPTION'],
])('%s', async (_, options, code) => {
  expect(await failure('base', nothing, options)).toMatch(new RegExp(`^${code}: `))
})

test.each<[string, Partial<ConvertOptions>, string]>([
  ['a state in fp32', { kv: 'state', precision: 'fp32' }, 'E_OPTION'],
  ['a state before iOS 18', { kv: 'state', minimumOs: 'ios17' }, 'E_OPTION'],
  ['a sequence length beside a cache', { seq: [17] }, 'E_OPTION_UNKNOWN'],
  ['several rows', { batch: 2 }, 'E_OPTION_UNKNOWN'],
])('of a decoder: %s', async (_, options, code) => {
  const model = fileURLToPath(new URL('../../../plugins/gpt2/fixtures/text-generation', import.meta.url))
  const out = join(temporary(), 'out')
  await expect(convert({ model, out, ...options })).rejects.toMatchObject({ code })
  expect(existsSync(out)).toBe(false)
})

test('an existing output folder', async () => {
  const out = temporary()
  await expect(convert({ model: fixture('base'), out })).rejects.toMatchObject({ code: 'E_OUT_EXISTS', exitCode: 2 })
  expect(existsSync(out)).toBe(true)
})
