import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { castArray, readAll, sizeOf } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../src/index.ts'
import { failure, temporary } from './temporary.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
const dtypes: Record<string, string> = {
  float64: 'fp64',
  float32: 'fp32',
  float16: 'fp16',
  bfloat16: 'bf16',
  float8_e4m3fn: 'fp32',
  float8_e5m2: 'fp32',
}

async function openFixture(name: string) {
  const folder = temporary()
  cpSync(join(fixtures, name), join(folder, name))
  return await openCheckpoint(folder)
}

interface Expected {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

const files = readdirSync(fixtures).filter(file => file.endsWith('.pt'))

describe('files of torch.save', () => {
  it.each(files)('%s gives the tensors that PyTorch gives', async name => {
    const expected: Record<string, Expected> = JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8'))
    const checkpoint = await openFixture(name)
    expect(checkpoint.tensorNames.filter(tensor => tensor !== 'unread')).toEqual(Object.keys(expected))
    for (const [tensor, { dtype, shape, values }] of Object.entries(expected)) {
      const constant = checkpoint.tensor(tensor)!
      expect(constant.dtype).toBe(dtypes[dtype] ?? dtype)
      expect(constant.shape).toEqual(shape)
      expect([...castArray(readAll(constant), constant.dtype, 'fp64')], tensor).toEqual(values)
      // In two parts, cut where no row ends.
      const half = Math.floor(sizeOf(shape) / 2)
      const parts = [constant.read(0, half), constant.read(half, sizeOf(shape) - half)]
      expect(parts.flatMap(part => [...castArray(part, constant.dtype, 'fp64')])).toEqual(values)
    }
    checkpoint.close()
  })

  it('gives tied weights one id, and views of other places others', async () => {
    const tied = await openFixture('tied.pt')
    expect(tied.tensor('decoder.weight')!.id).toBe(tied.tensor('embeddings.weight')!.id)
    expect(tied.tensor('decoder.weight')!.id).toMatch(/^tied\.pt@\d+:fp32\[6\]$/)
    tied.close()
    const views = await openFixture('views.pt')
    const ids = views.tensorNames.map(name => views.tensor(name)!.id)
    expect(new Set(ids).size).toBe(ids.length)
    views.close()
  })

  it('lists tensors of types that it cannot read, and refuses them when they are asked for', async () => {
    const checkpoint = await openFixture('late.pt')
    expect(checkpoint.tensorNames).toContain('unread')
    expect(await failure(() => checkpoint.tensor('unread'), checkpoint.location)).toMatchInlineSnapshot(`
      "E_TENSOR_DTYPE: Tensor "unread" in late.pt has the element type float8_e8m0fnu, which silane does not read.
      Looked in: <place>
      Use a checkpoint in F32, F16 or BF16; quantised weights can be saved in one of these with transformers."
    `)
    checkpoint.close()
  })

  it('reads long rows of a view', async () => {
    const { stridedTensor } = await import('../src/torch/strided-tensor.ts')
    const { RandomAccessFile } = await import('../src/random-access-file.ts')
    const data = Float32Array.from({ length: 40_000 }, (_, i) => i)
    const folder = temporary({ rows: new Uint8Array(data.buffer) })
    const file = new RandomAccessFile(join(folder, 'rows'), 'rows', folder)
    // Columns 10 to 5009 of a 4 × 10000 matrix.
    const tensor = stridedTensor(file, 0, 'fp32', 10, [4, 5000], [10_000, 1])
    const at = (index: number) => Math.floor(index / 5000) * 10_000 + (index % 5000) + 10
    expect([...tensor.read(4990, 10_005)]).toEqual(Array.from({ length: 10_005 }, (_, i) => at(4990 + i)))
    file.close()
  })

  it('joins shards', async () => {
    const folder = temporary({
      'pytorch_model.bin.index.json': JSON.stringify({ weight_map: { 'model.w': 'a.bin', weight: 'b.bin' } }),
      'a.bin': readFileSync(join(fixtures, 'several.pt')),
      'b.bin': readFileSync(join(fixtures, 'parameter-legacy.pt')),
    })
    const checkpoint = await openCheckpoint(folder)
    expect(checkpoint.tensorNames).toEqual(['model.w', 'weight'])
    expect([...readAll(checkpoint.tensor('weight')!)]).toEqual([1, 1, 1, 1])
    checkpoint.close()
  })
})
