import { errors } from '../errors.ts'
import { LENGTH_BYTES, MAX_HEADER_BYTES } from '../read-safetensors.ts'
import type { RemoteFile } from './remote-file.ts'

/** Bytes that are asked for at once: the headers of most files, shards too, are shorter, and asking twice costs more than a part too much. */
const FIRST = 1 << 15

/** Headers that are fetched at a time. */
const AT_ONCE = 4

/**
 * Bytes that are kept of all files of a checkpoint together. The largest models have some 200,000 tensors of 150 bytes each, in 200
 * shards, of which FIRST bytes are kept too: 40 MB. Three times as much is what a hub that lies can make us hold.
 */
const MAX_HEADERS_BYTES = 128_000_000

/**
 * Brings the headers of safetensors files. One whose length cannot be is left to the reader, which says what is wrong with it.
 * Throws E_SAFETENSORS_LIMIT where they have more than `limit` bytes together.
 */
export async function bringHeaders(files: readonly RemoteFile[], limit = MAX_HEADERS_BYTES): Promise<void> {
  const waiting = [...files]
  let kept = 0
  const reserve = (file: RemoteFile, bytes: number) => {
    kept += bytes
    if (kept <= limit) return
    throw errors.E_SAFETENSORS_LIMIT({
      file: file.name,
      what: 'the length of its header and of those before it',
      actual: kept,
      limit,
      where: file.where,
    })
  }
  const work = async () => {
    try {
      for (let file = waiting.shift(); file; file = waiting.shift()) await bringHeader(file, reserve)
    } catch (error) {
      // The others end with what they are at.
      waiting.length = 0
      throw error
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** `reserve` is told how many bytes will be kept, before they are fetched. */
async function bringHeader(file: RemoteFile, reserve: (file: RemoteFile, bytes: number) => void): Promise<void> {
  const beginning = Math.min(FIRST, file.size)
  reserve(file, beginning)
  const first = await file.fetch(0, beginning)
  file.keep(0, first)
  if (first.length < LENGTH_BYTES) return
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES)) return
  const end = LENGTH_BYTES + Number(length)
  if (end <= first.length || end > file.size) return
  reserve(file, end)
  // The header is read at once, so that its parts have to be one.
  const header = new Uint8Array(end)
  header.set(first)
  header.set(await file.fetch(first.length, end), first.length)
  file.keep(0, header)
}
