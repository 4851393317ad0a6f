/** Milliseconds that a call may take, and that calls together may take beyond what is free. A text of a megabyte takes one second. */
const CALL_LIMIT = 5_000

/** More for each character or id: long documents take long, and their length is not the tokenizer's choice. */
const MORE = 0.005

/** Free for every call: one takes a millisecond, and longer now and then on a machine that is busy. */
const FREE = 100

/**
 * How long the calls of a tokenizer may take. What one takes beyond its share counts for all that follow, so that a tokenizer that stays
 * below the limit of one call does not hold up hundreds of them; quick calls pay it back.
 */
export class CallAccount {
  #owed = 0

  /** Milliseconds that a call with a text or ids of this length may take. */
  patience(length: number): number {
    return CALL_LIMIT + this.#share(length) - this.#owed
  }

  /** Notes how long it took. */
  took(milliseconds: number, length: number): void {
    this.#owed = Math.max(0, this.#owed + milliseconds - this.#share(length))
  }

  #share(length: number): number {
    return FREE + MORE * length
  }
}
