import { bytesOf, type Constant, chunks } from '@silane/core'
import { MAX_BIAS_ELEMENTS } from './limits.ts'

/** Elements that are compared at once. */
const CHUNK = 1 << 16

/**
 * Which biases are nothing but zeros. They are read in pieces up to the first other element, each record once, however many ops share
 * it. A bias beyond the bound of the package counts as none, which is right as well: it stays where it is.
 */
export class ZeroBiases {
  readonly #known = new Map<string, boolean>()
  readonly #limit: number
  readonly #zeros = new Uint8Array(8 * CHUNK)
  #looked = 0

  constructor(limit = MAX_BIAS_ELEMENTS) {
    this.#limit = limit
  }

  has(constant: Constant): boolean {
    const known = this.#known.get(constant.id) ?? this.#isZero(constant)
    this.#known.set(constant.id, known)
    return known
  }

  #isZero(constant: Constant): boolean {
    // −0 has other bits, and is not taken back.
    for (const chunk of chunks(constant, CHUNK)) {
      this.#looked += chunk.length
      const bytes = bytesOf(chunk)
      if (this.#looked > this.#limit || Buffer.compare(bytes, this.#zeros.subarray(0, bytes.length)) !== 0) return false
    }
    return true
  }
}
