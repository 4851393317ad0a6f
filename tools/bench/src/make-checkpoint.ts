import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { architectures } from './architectures.ts'

/** Elements written at once. */
const CHUNK = 1 << 20

/** Writes a checkpoint of a published size with random fp32 weights, unless it is there already. Gives its folder. */
export function makeCheckpoint(name: string, into: string): string {
  const architecture = architectures[name]
  if (!architecture) throw new RangeError(`no architecture "${name}"; there are ${Object.keys(architectures).join(', ')}`)
  const folder = join(into, name)
  const file = join(folder, 'model.safetensors')
  if (existsSync(file)) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(architecture.config, null, 2))

  const header: Record<string, unknown> = {}
  let end = 0
  for (const [tensor, ...shape] of architecture.tensors) {
    const begin = end
    end += 4 * shape.reduce((product, dim) => product * dim, 1)
    header[tensor] = { dtype: 'F32', shape, data_offsets: [begin, end] }
  }
  const text = JSON.stringify(header)
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const descriptor = openSync(`${file}.part`, 'w')
  writeSync(descriptor, length)
  writeSync(descriptor, padded)
  const random = normals()
  for (let written = 0; written < end / 4; written += CHUNK) writeSync(descriptor, random(Math.min(CHUNK, end / 4 - written)))
  closeSync(descriptor)
  renameSync(`${file}.part`, file)
  return folder
}

/** Chunks of numbers with the spread that transformers initialises with (0.02), roughly normal. */
function normals(): (count: number) => Float32Array {
  let state = 0x9e3779b9
  return count => {
    const out = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      // xorshift32; the sum of its two halves is a triangle, near enough to a bell.
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      out[i] = ((state & 0xffff) + (state >>> 16) - 0xffff) * (0.049 / 0xffff)
    }
    return out
  }
}

if (import.meta.main) {
  const [name = '', into = '.'] = process.argv.slice(2)
  console.log(makeCheckpoint(name, into))
}
