import { allocate, byteSize, bytesOf, castArray, type DType, isFloat, type NumericArray, room } from './dtype.ts'

/**
 * A constant tensor whose elements are read when they are written, never before. It is a range of a
 * file, a small array, or a view over other constants that computes while streaming.
 */
export interface Constant {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Equal ids hold equal elements: what carries one id is written once. Stable from run to run. */
  readonly id: string
  /** Where this is a lossless widening of what is stored (fp16 seen as fp32): the stored one, so that narrowing again is free. */
  readonly widened?: Constant
  /** Where this is a float in a narrower type: what it was before, element for element, so that what the type cannot hold can be told. */
  readonly narrowed?: Constant
  /** Where these very elements stand, one after the other and little-endian, in a file: whoever wants them there need not copy them. */
  readonly at?: { readonly file: string; readonly offset: number }
  /**
   * Elements `start … start + count − 1` in row-major order. The result is the caller's to read, not to
   * change. `into` is an array of the constant's type that the result may be put in, so that a stream needs no new memory.
   */
  read(start: number, count: number, into?: NumericArray): NumericArray
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)

/** All elements. For small constants and single tensors; writers stream instead (see `chunks`). */
export const readAll = (constant: Constant): NumericArray => constant.read(0, sizeOf(constant.shape))

/** Elements per chunk when streaming: 256 KiB of fp32 stay in the second-level cache from reading through casting to writing, which beats larger chunks. */
const CHUNK = 1 << 16

/** The elements of a constant, a chunk at a time. An array is used again two chunks later. */
export function* chunks(constant: Constant, chunk = CHUNK): Generator<NumericArray> {
  const size = sizeOf(constant.shape)
  const buffers = [0, 1].map(() => allocate(constant.dtype, Math.min(chunk, size)))
  for (let start = 0, turn = 0; start < size; start += chunk, turn ^= 1) {
    yield constant.read(start, Math.min(chunk, size - start), buffers[turn])
  }
}

/** Whether two constants hold the same elements, in one type and shape. Reads both up to the first chunk that differs. */
export function sameElements(a: Constant, b: Constant): boolean {
  if (a.id === b.id) return true
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length || a.shape.some((size, i) => size !== b.shape[i])) return false
  const others = chunks(b)
  for (const chunk of chunks(a)) {
    const other = others.next().value
    if (!chunk.every((element: number | bigint, i: number) => element === other?.[i])) return false
  }
  return true
}

/** Elements given as an array. The id derives from the bytes. */
export function denseConstant(dtype: DType, shape: readonly number[], data: NumericArray): Constant {
  if (data.length !== sizeOf(shape)) throw new RangeError(`${data.length} elements for the shape [${shape}]`)
  return {
    dtype,
    shape,
    id: `dense:${dtype}[${shape}]:${fingerprint(bytesOf(data))}`,
    read: (start, count) => data.subarray(start, start + count) as NumericArray,
  }
}

let arrays = 0

/** An array as a tensor, for inputs and results of a run: nothing is hashed, so the id tells this call apart and no more. */
export const arrayConstant = (dtype: DType, shape: readonly number[], data: NumericArray): Constant => ({
  dtype,
  shape,
  id: `array:${arrays++}`,
  read: (start, count) => (start === 0 && count === data.length ? data : (data.subarray(start, start + count) as NumericArray)),
})

/** A rank-0 constant. */
export const scalarConstant = (dtype: DType, value: number): Constant => {
  const data = castArray(Float64Array.of(value), 'fp64', dtype)
  return { ...denseConstant(dtype, [], data), id: `scalar:${dtype}:${Object.is(value, -0) ? '-0' : value}` }
}

/** Elements computed from their row-major index: `id` names the formula and its parameters. */
export const computedConstant = (dtype: DType, shape: readonly number[], id: string, element: (index: number) => number): Constant => ({
  dtype,
  shape,
  id: `computed:${dtype}[${shape}]:${id}`,
  read: (start, count) => {
    const out = allocate(dtype, count)
    for (let i = 0; i < count; i++) out[i] = element(start + i)
    return out
  },
})

// FNV-1a over 32 bits, twice with different seeds, plus the length: constants made in memory are small and ours, not hostile.
function fingerprint(bytes: Uint8Array): string {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193)
    b = Math.imul(b ^ byte, 0x85ebca6b) ^ (b >>> 13)
  }
  return `${(a >>> 0).toString(16)}${(b >>> 0).toString(16)}:${bytes.length}`
}

/** The same elements under another shape of equal size. */
export function reshapeConstant(base: Constant, shape: readonly number[]): Constant {
  if (sizeOf(shape) !== sizeOf(base.shape)) throw new RangeError(`[${base.shape}] cannot be [${shape}]`)
  // The id stays: bytes do not depend on the shape, so a weight seen as linear and as conv is written once.
  return { ...base, shape }
}

/** The elements converted to another type. */
export function castConstant(base: Constant, dtype: DType): Constant {
  if (base.dtype === dtype) return base
  if (base.widened?.dtype === dtype) return reshapeConstant(base.widened, base.shape)
  return {
    dtype,
    shape: base.shape,
    id: `cast:${dtype}(${base.id})`,
    ...(dtype === 'fp32' && (base.dtype === 'fp16' || base.dtype === 'bf16') ? { widened: base } : {}),
    ...(isFloat(base.dtype) && isFloat(dtype) && byteSize(dtype) <= byteSize(base.dtype) ? { narrowed: base } : {}),
    read: (start, count, into) =>
      withScratch(base.dtype, count, scratch => castArray(base.read(start, count, scratch), base.dtype, dtype, into)),
  }
}

const scratches = new Map<DType, NumericArray>()

/** Lends an array for what is read and converted at once. One for each type serves all constants; a nested loan of the same type gets its own. */
function withScratch<T>(dtype: DType, count: number, use: (scratch: NumericArray | undefined) => T): T {
  if (count > CHUNK) return use(undefined)
  const scratch = scratches.get(dtype) ?? allocate(dtype, CHUNK)
  scratches.delete(dtype)
  try {
    return use(scratch)
  } finally {
    scratches.set(dtype, scratch)
  }
}

/** Element by element, computed in double precision: `map(value, index)`. `id` names the function and its parameters. */
export function mapConstant(base: Constant, id: string, map: (value: number, index: number) => number): Constant {
  return {
    dtype: base.dtype,
    shape: base.shape,
    id: `${id}(${base.id})`,
    read: (start, count, into) =>
      withScratch(base.dtype, count, scratch => {
        const [data, dtype] = computable(base, start, count, scratch)
        const out = room(dtype, count, into)
        for (let i = 0; i < count; i++) out[i] = map(Number(data[i]), start + i)
        return castArray(out, dtype, base.dtype)
      }),
  }
}

function computable(base: Constant, start: number, count: number, scratch?: NumericArray): [NumericArray, DType] {
  const data = base.read(start, count, scratch)
  return base.dtype === 'bf16' ? [castArray(data, 'bf16', 'fp32'), 'fp32'] : [data, base.dtype]
}

export const scaleConstant = (base: Constant, factor: number): Constant =>
  factor === 1 ? base : mapConstant(base, `scale:${factor}`, value => value * factor)

/** Two constants combined with NumPy broadcasting; `a` has the full shape and keeps its type. */
export function combineConstants(id: string, a: Constant, b: Constant, combine: (a: number, b: number) => number): Constant {
  const pad = a.shape.length - b.shape.length
  const strides = stridesOf(b.shape)
  const index = (element: number): number => {
    let at = 0
    let flat = element
    for (let axis = a.shape.length - 1; axis >= 0; axis--) {
      const dim = a.shape[axis] as number
      const position = flat % dim
      flat = (flat - position) / dim
      if (axis >= pad && (b.shape[axis - pad] as number) !== 1) at += position * (strides[axis - pad] as number)
    }
    return at
  }
  let other: NumericArray | undefined
  const map = (value: number, flat: number): number => {
    other ??= computable(b, 0, sizeOf(b.shape))[0]
    return combine(value, Number(other[index(flat)]))
  }
  // Both shapes stand in the id: they decide which elements meet.
  return { ...mapConstant(a, 'combine', map), id: `${id}(${a.id}[${a.shape}],${b.id}[${b.shape}])` }
}

const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))

/** Elements `begin … end − 1` of one axis. */
export function sliceConstant(base: Constant, axis: number, begin: number, end: number): Constant {
  const dim = base.shape[axis] as number
  if (begin === 0 && end === dim) return base
  const inner = sizeOf(base.shape.slice(axis + 1))
  const row = dim * inner
  const run = (end - begin) * inner
  const shape = base.shape.with(axis, end - begin)
  return {
    dtype: base.dtype,
    shape,
    id: `slice:${axis},${begin},${end}[${base.shape}](${base.id})`,
    read: (start, count, into) => {
      // Columns of a matrix lie apart: whole rows are read at once and cut, rather than one short run after the other.
      const out = room(base.dtype, count, into)
      const rowsAtOnce = Math.max(1, Math.floor(CHUNK / row))
      for (let done = 0; done < count; ) {
        const first = Math.floor((start + done) / run)
        const within = (start + done) % run
        const rows = Math.min(rowsAtOnce, Math.ceil((within + count - done) / run))
        const from = first * row + begin * inner + within
        const to = (first + rows - 1) * row + begin * inner + Math.min(run, within + count - done - (rows - 1) * run)
        withScratch(base.dtype, to - from, scratch => {
          const block = base.read(from, to - from, scratch)
          for (let r = 0; r < rows; r++) {
            const at = r === 0 ? 0 : r * row - within
            const length = Math.min(run - (r === 0 ? within : 0), count - done)
            copyInto(out, block.subarray(at, at + length) as NumericArray, done)
            done += length
          }
        })
      }
      return out
    },
  }
}

/** Axes in another order: axis i of the result is axis `perm[i]` of the base. Reads the base whole, once per pass over the result. */
export function transposeConstant(base: Constant, perm: readonly number[]): Constant {
  const shape = perm.map(axis => base.shape[axis] as number)
  const moved = perm.filter(axis => base.shape[axis] !== 1)
  if (moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))) return reshapeConstant(base, shape)
  const strides = stridesOf(base.shape)
  const from = perm.map(axis => strides[axis] as number)
  let memory: NumericArray | undefined
  let whole: NumericArray | undefined
  const size = sizeOf(shape)
  const length = shape.at(-1) as number
  const stride = from.at(-1) as number
  return {
    dtype: base.dtype,
    shape,
    id: `transpose:${perm}[${base.shape}](${base.id})`,
    read: (start, count, into) => {
      if (!whole) {
        memory = borrowWhole(base.dtype, size)
        whole = base.read(0, size, memory)
      }
      const out = room(base.dtype, count, into)
      // Runs of the last axis, so that the inner loop is a strided copy.
      for (let done = 0; done < count; ) {
        const within = (start + done) % length
        const run = Math.min(length - within, count - done)
        let at = within * stride
        for (let axis = shape.length - 2, rest = (start + done - within) / length; axis >= 0; axis--) {
          const dim = shape[axis] as number
          at += (rest % dim) * (from[axis] as number)
          rest = Math.floor(rest / dim)
        }
        stridedCopy(out as Float32Array, done, whole as Float32Array, at, stride, run)
        done += run
      }
      // At the end of a pass the base is let go and its memory kept for the next one: a writer holds one transposed tensor at a time.
      if (start + count === size) {
        if (memory) wholes.set(base.dtype, memory)
        memory = undefined
        whole = undefined
      }
      return out
    },
  }
}

/** Memory for one tensor that is being transposed, by type. */
const wholes = new Map<DType, NumericArray>()

function borrowWhole(dtype: DType, size: number): NumericArray {
  const kept = wholes.get(dtype)
  wholes.delete(dtype)
  return kept && kept.length >= size ? kept : allocate(dtype, size)
}

function stridedCopy(out: Float32Array, to: number, source: Float32Array, from: number, stride: number, count: number): void {
  for (let i = 0, at = from; i < count; i++, at += stride) out[to + i] = source[at] as number
}

/** Constants one after the other along an axis. */
export function concatConstants(parts: readonly Constant[], axis: number): Constant {
  const [first, ...rest] = parts
  if (!first) throw new RangeError('nothing to concatenate')
  if (rest.length === 0) return first
  const runs = parts.map(part => sizeOf(part.shape.slice(axis)))
  const run = runs.reduce((sum, length) => sum + length, 0)
  const dim = parts.reduce((sum, part) => sum + (part.shape[axis] as number), 0)
  return {
    dtype: first.dtype,
    shape: first.shape.with(axis, dim),
    id: `concat:${axis}(${parts.map(part => `${part.id}[${part.shape}]`).join(',')})`,
    read: (start, count) => {
      const out = allocate(first.dtype, count)
      for (let done = 0; done < count; ) {
        const row = Math.floor((start + done) / run)
        let within = (start + done) % run
        let index = 0
        while (within >= (runs[index] as number)) within -= runs[index++] as number
        const part = parts[index] as Constant
        const length = Math.min((runs[index] as number) - within, count - done)
        copyInto(out, part.read(row * (runs[index] as number) + within, length), done)
        done += length
      }
      return out
    },
  }
}

/** Elements of a small constant picked by flat index: `index(flat)` says which stands where. `id` names the choice. */
export const lookupConstant = (base: Constant, shape: readonly number[], id: string, index: (flat: number) => number): Constant => {
  let whole: NumericArray | undefined
  return {
    dtype: base.dtype,
    shape,
    id: `lookup:${id}[${shape}](${base.id})`,
    read: (start, count) => {
      whole ??= readAll(base)
      const out = allocate(base.dtype, count)
      for (let i = 0; i < count; i++) out[i] = whole[index(start + i)] as never
      return out
    },
  }
}

/** Rows of the first axis, in the order of `rows`. */
export function gatherConstant(base: Constant, rows: readonly number[], id = rows.join(' ')): Constant {
  const row = sizeOf(base.shape.slice(1))
  return {
    dtype: base.dtype,
    shape: [rows.length, ...base.shape.slice(1)],
    id: `gather:${id}[${base.shape}](${base.id})`,
    read: (start, count) => {
      const out = allocate(base.dtype, count)
      for (let done = 0; done < count; ) {
        const within = (start + done) % row
        const length = Math.min(row - within, count - done)
        copyInto(out, base.read((rows[Math.floor((start + done) / row)] as number) * row + within, length), done)
        done += length
      }
      return out
    },
  }
}

const copyInto = (target: NumericArray, source: NumericArray, at: number): void => (target as Float32Array).set(source as Float32Array, at)
