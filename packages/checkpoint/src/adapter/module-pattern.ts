/**
 * Whether a module's name, given as its characters, is meant by a pattern. `spend` is called with what it takes, in steps of some
 * nanoseconds, and may throw.
 */
export type ModulePattern = (name: readonly string[], spend: (steps: number) => void) => boolean

type Test = (character: string) => boolean

type Node =
  /** This character. */
  | string
  | Test
  | { readonly place: 'start' | 'end' }
  | { readonly all: readonly Node[] }
  | { readonly any: readonly Node[] }
  | { readonly repeated: Node; readonly least: 0 | 1; readonly most: 1 | typeof Number.POSITIVE_INFINITY }

/** Characters of a pattern. The longest are lists of layers, and names have less than 150. */
const MAX_PATTERN = 512

/** Items in square brackets, which are looked at one after the other. */
const MAX_SET = 32

/** What a state takes beside the comparison of two characters. */
const STATE_STEPS = 16

/**
 * A pattern of rank_pattern and alpha_pattern as peft takes it: a regular expression of Python's that is a module's whole name, or the end
 * of it behind a dot (`get_pattern_key`). Known are characters, `.`, `\d`, `\w`, sets, groups, alternatives, `*`, `+`, `?`, `^` and `$`;
 * undefined for all else. All ways through a pattern are followed at once, so that the time is that of its length times the name's:
 * the engine's own expressions try one after the other, of which there may be 2^40 in some letters.
 */
export function modulePattern(pattern: string): ModulePattern | undefined {
  if (pattern.length > MAX_PATTERN) return undefined
  try {
    const root = new Reader(pattern).pattern()
    const isPlain = (node: Node): node is string | Test => typeof node === 'string' || node === dot
    return typeof root === 'object' && 'all' in root && root.all.every(isPlain) ? fixed(root.all) : free(root)
  } catch (error) {
    if (error instanceof Unknown) return undefined
    throw error
  }
}

class Unknown extends Error {}

const dot: Test = character => character !== '\n'

/** Python's have letters and digits of all scripts, which no names of modules have. */
const classes: Readonly<Record<string, Test>> = {
  d: character => isIn(character, '0', '9'),
  w: character => isIn(character, '0', '9') || isIn(character, 'A', 'Z') || isIn(character, 'a', 'z') || character === '_',
}

const isIn = (character: string, first: string, last: string): boolean => first <= character && character <= last

const holds = (test: string | Test, character: string): boolean => (typeof test === 'string' ? test === character : test(character))

class Reader {
  readonly #pattern: readonly string[]
  #at = 0

  constructor(pattern: string) {
    this.#pattern = [...pattern]
  }

  pattern(): Node {
    const node = this.#alternatives()
    if (this.#at < this.#pattern.length) throw new Unknown()
    return node
  }

  #alternatives(): Node {
    const any = [this.#sequence()]
    while (this.#take('|')) any.push(this.#sequence())
    return any.length === 1 ? (any[0] as Node) : { any }
  }

  #sequence(): Node {
    const all: Node[] = []
    for (;;) {
      const next = this.#pattern[this.#at]
      if (next === undefined || next === '|' || next === ')') return { all }
      all.push(this.#repeated())
    }
  }

  #repeated(): Node {
    const node = this.#one()
    const sign = ['*', '+', '?'].find(candidate => this.#take(candidate))
    if (sign === undefined) return node
    // Fewer or more first: whether there is a match is the same. Python refuses `**`, and `*+` is something else.
    this.#take('?')
    if ((typeof node === 'object' && 'place' in node) || ['*', '+', '?'].some(more => this.#pattern[this.#at] === more)) throw new Unknown()
    return { repeated: node, least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : Number.POSITIVE_INFINITY }
  }

  #one(): Node {
    const character = this.#next()
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return this.#set()
      case '.':
        return dot
      case '^':
        return { place: 'start' }
      case '$':
        return { place: 'end' }
      case '\\':
        return this.#escaped()
    }
    if ('*+?{}]'.includes(character)) throw new Unknown()
    return character
  }

  #group(): Node {
    if (this.#take('?') && !this.#take(':')) throw new Unknown()
    const node = this.#alternatives()
    if (!this.#take(')')) throw new Unknown()
    return node
  }

  #escaped(): string | Test {
    const character = this.#next()
    const known = Object.hasOwn(classes, character) ? classes[character] : undefined
    // Other letters and digits are places, what a group matched, or nothing that Python knows.
    if (!known && /[a-zA-Z0-9]/.test(character)) throw new Unknown()
    return known ?? character
  }

  #set(): Test {
    const isOther = this.#take('^')
    const tests: (string | Test)[] = []
    while (tests.length === 0 || !this.#take(']')) {
      const first = this.#next()
      if (first === '[' || first === ']' || tests.length === MAX_SET) throw new Unknown()
      if (first === '\\') tests.push(this.#escaped())
      else if (this.#pattern[this.#at] === '-' && this.#pattern[this.#at + 1] !== ']') {
        this.#next()
        const last = this.#next()
        if (last === '\\' || last === '[' || last < first) throw new Unknown()
        tests.push(character => isIn(character, first, last))
      } else tests.push(first)
    }
    return character => tests.some(test => holds(test, character)) !== isOther
  }

  #next(): string {
    const character = this.#pattern[this.#at++]
    if (character === undefined) throw new Unknown()
    return character
  }

  #take(character: string): boolean {
    if (this.#pattern[this.#at] !== character) return false
    this.#at++
    return true
  }
}

/** A name, in which a dot is any character: compared from its end. */
const fixed =
  (plain: readonly (string | Test)[]): ModulePattern =>
  (name, spend) => {
    const from = name.length - plain.length
    let at = plain.length - 1
    if (from === 0 || (from > 0 && name[from - 1] === '.')) while (at >= 0 && (plain[at] === name[from + at] || plain[at] === dot)) at--
    else at = plain.length
    spend(plain.length + 1 - at)
    return at < 0
  }

/** Goes on to `next` where its test holds for the character that is there, or without one where its place does. */
interface State {
  readonly test?: string | Test
  readonly place?: 'start' | 'end'
  readonly next: number[]
}

/** `(.*\.)?(pattern)$`, as states of which many are possible at once. */
function free(root: Node): ModulePattern {
  const states: State[] = []
  const add = (state: State): number => states.push(state) - 1
  /** The state that begins a node and leads to `next`. */
  const enter = (node: Node, next: number): number => {
    if (typeof node !== 'object') return add({ test: node, next: [next] })
    if ('place' in node) return add({ ...node, next: [next] })
    if ('all' in node) return node.all.reduceRight((after, part) => enter(part, after), next)
    if ('any' in node) return add({ next: node.any.map(part => enter(part, next)) })
    const { repeated, least, most } = node
    if (most === 1) return add({ next: [enter(repeated, next), next] })
    const again = add({ next: [next] })
    const body = enter(repeated, again)
    states[again]?.next.push(body)
    return least === 1 ? body : again
  }
  const end = add({ next: [] })
  const anything: Node = { repeated: dot, least: 0, most: Number.POSITIVE_INFINITY }
  const start = enter({ all: [{ repeated: { all: [anything, '.'] }, least: 0, most: 1 }, root] }, end)

  return (name, spend) => {
    let possible = new Set([start])
    for (let at = 0; ; at++) {
      // A set gives what is added to it on the way.
      for (const index of possible) {
        const { test, place, next } = states[index] as State
        const isHere = test === undefined && (place === undefined || (place === 'start' ? at === 0 : at === name.length))
        if (isHere) for (const other of next) possible.add(other)
      }
      spend(STATE_STEPS * possible.size)
      const character = name[at]
      if (character === undefined) return possible.has(end)
      const reached = new Set<number>()
      for (const index of possible) {
        const { test, next } = states[index] as State
        if (test !== undefined && holds(test, character)) reached.add(next[0] as number)
      }
      if (reached.size === 0) return false
      possible = reached
    }
  }
}
