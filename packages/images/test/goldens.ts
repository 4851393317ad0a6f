import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ImageStep, Resampling } from '@silane/core'

const folder = join(import.meta.dirname, '../fixtures')

export const fixture = (name: string): string => join(folder, 'pictures', name)

/** A result of the original: its elements where it is small, their hash in any case. */
export interface Golden {
  readonly shape: readonly number[]
  readonly dtype: string
  readonly sha256: string
  readonly tensor?: string
}

type Pair = readonly [number, number]

/** tools/goldens/images.py describes the fields. */
export const cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as {
  readonly decoded: Readonly<Record<string, Golden>>
  readonly resized: readonly { file: string; resampling: Resampling; size: Pair; pillow: 12 | 13; result: Golden }[]
  readonly prepared: readonly { file: string; steps: ImageStep[]; original: Pair; resized: Pair; result: Golden }[]
  readonly planes: readonly { input: Golden; size: Pair; result: Golden }[]
  readonly masks: readonly { input: Golden; padded: Pair; resized: Pair; original: Pair; floats: Golden; result: Golden }[]
}

const stored = readFileSync(join(folder, 'goldens.safetensors'))
const start = 8 + Number(stored.readBigUInt64LE(0))
const header = JSON.parse(stored.toString('utf8', 8, start)) as Record<string, { data_offsets: Pair }>

/** The elements of a result that is stored. */
export function bytesOf({ tensor = '' }: Golden): Uint8Array {
  const {
    data_offsets: [from, to],
  } = header[tensor]!
  return new Uint8Array(stored.subarray(start + from, start + to))
}

export const floatsOf = (golden: Golden): Float32Array => new Float32Array(bytesOf(golden).buffer)

export const sha256 = (data: Uint8Array | Float32Array): string =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')
