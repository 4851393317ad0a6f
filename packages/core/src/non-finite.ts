import { type Constant, chunks } from './constant.ts'
import { castArray, type DType, isFloat, type NumericArray } from './dtype.ts'

/** A constant that was written with elements that are infinite or not a number. */
export interface NonFinite {
  /** Its name in what was written, with its function. */
  readonly constant: string
  /** See `Constant.id`: it holds the ids of all that the constant was made from. */
  readonly id: string
  readonly dtype: DType
  /** How many elements are infinite or not a number. */
  readonly elements: number
  /** How many of these were finite until they were narrowed to the type that was written. */
  readonly overflowed: number
}

/**
 * Constants that were written and had finite elements alone, by what they were before narrowing: whoever writes the same again, as fp32
 * after fp16 for another target, need not look again.
 */
export class FiniteConstants {
  readonly #written = new Map<string, DType>()

  /** What was narrowed to fp16 without an infinity has none in any other type; else only the same type tells. */
  has(constant: Constant): boolean {
    const found = this.#written.get(origin(constant))
    return found !== undefined && (found === 'fp16' || found === constant.dtype)
  }

  add(constant: Constant): void {
    if (!this.has(constant)) this.#written.set(origin(constant), constant.dtype)
  }
}

const origin = (constant: Constant): string => (widest(constant) ?? constant).id

/** Looks at a constant's elements while they are written: one instance for each constant. */
export class FiniteCheck {
  readonly #constant: Constant
  readonly #known: FiniteConstants | undefined
  readonly #looks: boolean
  #start = 0
  #elements = 0
  #overflowed = 0

  constructor(constant: Constant, known?: FiniteConstants) {
    this.#constant = constant
    this.#known = known
    this.#looks = isFloat(constant.dtype) && known?.has(constant) !== true
  }

  /** The next elements, in their order. */
  see(data: NumericArray): void {
    const start = this.#start
    this.#start += data.length
    if (!this.#looks || !holdsNonFinite(data, this.#constant.dtype)) return
    // Rare, so it may be slow from here on, and what the elements were before is read again.
    const written = doubles(data, this.#constant.dtype)
    const before = widest(this.#constant)
    const source = before && doubles(before.read(start, data.length), before.dtype)
    for (const [i, value] of written.entries()) {
      if (Number.isFinite(value)) continue
      this.#elements++
      if (source && Number.isFinite(source[i])) this.#overflowed++
    }
  }

  /** What was found, under the name of the constant; empty for one whose elements are all finite. */
  found(constant: string): readonly NonFinite[] {
    const { id, dtype } = this.#constant
    if (this.#looks && this.#elements === 0) this.#known?.add(this.#constant)
    return this.#elements === 0 ? [] : [{ constant, id, dtype, elements: this.#elements, overflowed: this.#overflowed }]
  }
}

/** Whether all elements of a constant are numbers. Reads it to the first chunk that has another. */
export function allFinite(constant: Constant): boolean {
  if (!isFloat(constant.dtype)) return true
  for (const chunk of chunks(constant)) if (holdsNonFinite(chunk, constant.dtype)) return false
  return true
}

const doubles = (data: NumericArray, dtype: DType): Float64Array => castArray(data, dtype, 'fp64') as Float64Array

/** What a constant was before it was narrowed, through all steps. */
function widest(constant: Constant): Constant | undefined {
  let found = constant.narrowed
  while (found?.narrowed) found = found.narrowed
  return found
}

/** Where the exponent stands in a 32-bit word, and its lowest bit: the sum carries into the bit above exactly where all bits of the exponent are set. */
const exponents = {
  fp32: { mask: 0x7f800000, one: 0x00800000, carry: 0x80000000 },
  // Two elements to a word.
  fp16: { mask: 0x7c007c00, one: 0x04000400, carry: 0x80008000 },
  bf16: { mask: 0x7f807f80, one: 0x00800080, carry: 0x80008000 },
} as const

/** Whether an element has an exponent of ones only. Words are looked at, since this is done to every weight that is written. */
function holdsNonFinite(data: NumericArray, dtype: DType): boolean {
  if (dtype !== 'fp32' && dtype !== 'fp16' && dtype !== 'bf16')
    return data.some((value: number | bigint) => !Number.isFinite(Number(value)))
  const { mask, one, carry } = exponents[dtype]
  const count = data.byteOffset % 4 === 0 ? data.byteLength >>> 2 : 0
  const words = count > 0 ? new Int32Array(data.buffer, data.byteOffset, count) : new Int32Array(0)
  let seen = 0
  for (let i = 0; i < count; i++) seen |= (((words[i] as number) & mask) + one) | 0
  if ((seen & carry) !== 0) return true
  // The odd element at the end, or all where they do not stand at a word's border.
  const rest = data.slice((count * 4) / data.BYTES_PER_ELEMENT)
  return doubles(rest, dtype).some(value => !Number.isFinite(value))
}
