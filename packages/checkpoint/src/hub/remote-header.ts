import { LENGTH_BYTES, MAX_HEADER_BYTES } from '../read-safetensors.ts'
import type { RemoteFile } from './remote-file.ts'

/** Bytes that are asked for at once: the headers of most files, shards too, are shorter, and asking twice costs more than a part too much. */
const FIRST = 1 << 15

/** Headers that are fetched at a time. */
const AT_ONCE = 4

/** Brings the headers of safetensors files. One whose length cannot be is left to the reader, which says what is wrong with it. */
export async function bringHeaders(files: readonly RemoteFile[]): Promise<void> {
  const waiting = [...files]
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) await bringHeader(file)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

async function bringHeader(file: RemoteFile): Promise<void> {
  const first = await file.fetch(0, Math.min(FIRST, file.size))
  file.keep(0, first)
  if (first.length < LENGTH_BYTES) return
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES)) return
  const end = LENGTH_BYTES + Number(length)
  if (end <= first.length || end > file.size) return
  // The header is read at once, so that its parts have to be one.
  const header = new Uint8Array(end)
  header.set(first)
  header.set(await file.fetch(first.length, end), first.length)
  file.keep(0, header)
}
