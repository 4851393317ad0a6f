import { errors } from './errors.ts'
import type { Json } from './plugin/checkpoint.ts'

/** Where JSON text came from, for messages. */
export interface JsonSource {
  readonly file: string
  readonly where: string
}

/** Nesting of containers. Configurations reach 6; the bound keeps the recursive parser far from the end of its stack. */
const MAX_DEPTH = 64

/**
 * Values and keys in a file. The largest tokenizer.json in use has 2.3 million; an object with a key that no other has takes 300 bytes and
 * counts three, so that these take less than a gigabyte.
 */
const MAX_VALUES = 8_000_000

/**
 * Parses JSON as Python writes it, which includes NaN, Infinity and -Infinity. Keys such as `__proto__`
 * become own properties and touch no prototype. `bytes` is bounded by the caller, who knows what it reads.
 */
export function parseJson(bytes: Uint8Array, source: JsonSource): Json {
  checkExtent(bytes, source)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw errors.E_JSON({ ...source, problem: 'the text is not UTF-8', line: 1, column: 1 }, { cause })
  }
  try {
    return JSON.parse(text)
  } catch {
    // The built-in parser knows neither NaN nor, for short texts, where it stopped.
    return new Parser(text, source).document()
  }
}

/** Depth and number of values and keys, before anything is built: the built-in parser would take all memory for 50 MB of brackets. */
function checkExtent(bytes: Uint8Array, source: JsonSource): void {
  let depth = 0
  let values = 1
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x2c || byte === 0x3a) values++
    else if (byte === 0x7b || byte === 0x5b) {
      values++
      if (++depth > MAX_DEPTH) throw errors.E_JSON_LIMIT({ ...source, what: 'deeper nesting', limit: MAX_DEPTH })
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  if (values > MAX_VALUES) throw errors.E_JSON_LIMIT({ ...source, what: 'more values and keys', limit: MAX_VALUES })
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const WORDS: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]

class Parser {
  #at = 0
  readonly #text: string
  readonly #source: JsonSource

  constructor(text: string, source: JsonSource) {
    this.#text = text
    this.#source = source
  }

  document(): Json {
    const value = this.#value()
    if (this.#at < this.#text.length) throw this.#error('something follows the value')
    return value
  }

  #value(): Json {
    this.#space()
    const value = this.#bare()
    this.#space()
    return value
  }

  #bare(): Json {
    const first = this.#text[this.#at]
    if (first === '{') return this.#object()
    if (first === '[') return this.#array()
    if (first === '"') return this.#string()
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    NUMBER.lastIndex = this.#at
    const number = NUMBER.exec(this.#text)?.[0]
    if (number === undefined) throw this.#error(first === undefined ? 'the file ends' : `unexpected ${JSON.stringify(first)}`)
    this.#at += number.length
    return Number(number)
  }

  #object(): Json {
    const object: Record<string, Json> = {}
    this.#at++
    this.#space()
    if (this.#take('}')) return object
    do {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#error('expected a key in double quotes')
      const key = this.#string()
      this.#space()
      if (!this.#take(':')) throw this.#error('expected ":"')
      // Not an assignment, which would set the prototype for the key __proto__.
      Object.defineProperty(object, key, { value: this.#value(), enumerable: true, writable: true, configurable: true })
    } while (this.#take(','))
    if (!this.#take('}')) throw this.#error('expected "," or "}"')
    return object
  }

  #array(): Json {
    const array: Json[] = []
    this.#at++
    this.#space()
    if (this.#take(']')) return array
    do array.push(this.#value())
    while (this.#take(','))
    if (!this.#take(']')) throw this.#error('expected "," or "]"')
    return array
  }

  #string(): string {
    let end = this.#at + 1
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    try {
      const value: string = JSON.parse(this.#text.slice(this.#at, end + 1))
      this.#at = end + 1
      return value
    } catch (cause) {
      throw this.#error(end >= this.#text.length ? 'a string that does not end' : 'a broken string', cause)
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #space(): void {
    SPACE.lastIndex = this.#at
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0
  }

  #error(problem: string, cause?: unknown): Error {
    // Counted, not split: a list of lines takes eight times the text, and an engine has none of more than some hundred million.
    let line = 1
    let start = 0
    for (let end = this.#text.indexOf('\n'); end >= 0 && end < this.#at; end = this.#text.indexOf('\n', start)) {
      line++
      start = end + 1
    }
    return errors.E_JSON({ ...this.#source, problem, line, column: this.#at - start + 1 }, { cause })
  }
}
