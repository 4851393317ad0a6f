import { crc32 } from 'node:zlib'
import type { Random } from '../random.ts'
import { EDGES, mutateBytes } from './bytes.ts'

interface Chunk {
  readonly type: string
  readonly data: Buffer
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value % 2 ** 32)
  return bytes
}

function pngChunks(file: Buffer): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at)
    chunks.push({ type: file.toString('latin1', at + 4, at + 8), data: file.subarray(at + 8, at + 8 + length) })
    at += 12 + length
  }
  return chunks
}

const pngOf = (signature: Buffer, chunks: readonly Chunk[]): Buffer =>
  Buffer.concat([
    signature,
    ...chunks.flatMap(({ type, data }) => {
      const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
      return [uint32(data.length), body, uint32(crc32(body))]
    }),
  ])

/** A chunk less, more, or other, with checksums that fit, so that decoders come to it. */
function mutatePng(file: Buffer, random: Random): Buffer {
  const chunks = pngChunks(file)
  const at = random.int(chunks.length)
  const chunk = chunks[at]
  if (!chunk) return mutateBytes(file, random)
  const put = (...made: readonly Chunk[]) => pngOf(file.subarray(0, 8), [...chunks.slice(0, at), ...made, ...chunks.slice(at + 1)])
  switch (random.int(6)) {
    case 0:
      return put()
    case 1:
      return put(...Array<Chunk>(random.pick([2, 100])).fill(chunk))
    case 2:
      return put({
        type: random.pick(['IDAT', 'IHDR', 'PLTE', 'tRNS', 'IEND', 'eXIf', 'iCCP', 'zTXt', 'fcTL', 'acTL', 'AAAA']),
        data: chunk.data,
      })
    default:
      return put({ ...chunk, data: mutateBytes(chunk.data, random) })
  }
}

/** Where the formats keep width and height, as far as that is one place. */
function sizeAt(file: Buffer): { readonly at: number; readonly width: number } | undefined {
  const head = file.toString('latin1', 0, 16)
  if (head.startsWith('\x89PNG')) return { at: 16, width: 4 }
  if (head.startsWith('GIF8')) return { at: 6, width: 2 }
  if (head.startsWith('RIFF')) return { at: head.endsWith('VP8X') ? 24 : 26, width: head.endsWith('VP8X') ? 3 : 2 }
  const frame = [0xc0, 0xc1, 0xc2].map(marker => file.indexOf(Buffer.from([0xff, marker]))).find(found => found > 0)
  return frame === undefined ? undefined : { at: frame + 5, width: 2 }
}

/** A picture after a change to its bytes, its chunks or the size that its header tells. */
export function mutatePicture(file: Buffer, random: Random): Buffer {
  const size = sizeAt(file)
  if (size && random.once(4)) {
    const copy = Buffer.from(file)
    for (const i of [0, 1])
      if (size.at + (i + 1) * size.width <= copy.length)
        copy.writeUIntBE(random.pick(EDGES) % 2 ** (8 * size.width), size.at + i * size.width, size.width)
    return copy
  }
  if (file.toString('latin1', 1, 4) === 'PNG' && random.once(2)) return mutatePng(file, random)
  return mutateBytes(file, random, random.once(2) ? Math.min(file.length, 600) : file.length)
}
