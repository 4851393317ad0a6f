const GRAMMAR = /^[A-Za-z_][A-Za-z0-9_@]*$/

/** Words of the program text that Core ML compiles to; a value of such a name does not parse. */
const reserved = new Set(
  'any bool program func tensor list dict tuple true false string bf16 fp16 fp32 fp64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 state'.split(
    ' ',
  ),
)

/** Why `name` cannot stand in a program; undefined where it can. */
export function identifierProblem(name: string): string | undefined {
  if (!GRAMMAR.test(name)) return 'is not a legal identifier'
  return reserved.has(name) ? 'is a reserved word' : undefined
}

/** Hands out names that are legal and unique in a function. */
export class Names {
  readonly #taken = new Set<string>()
  /** The next number to try for a name, so that the hundredth `axis` does not try the first ninety-nine. */
  readonly #next = new Map<string, number>()

  /** Takes exactly this name; false where it is taken already. */
  claim(name: string): boolean {
    if (this.#taken.has(name)) return false
    this.#taken.add(name)
    return true
  }

  /** Takes a name like `wanted`. */
  unique(wanted: string): string {
    const legal = wanted.replace(/[^A-Za-z0-9_@]/g, '_').replace(/^(?![A-Za-z_])/, '_')
    const base = reserved.has(legal) ? `${legal}_` : legal
    let name = base
    for (let i = this.#next.get(base) ?? 0; !this.claim(name); i++) {
      name = `${base}_${i}`
      this.#next.set(base, i + 1)
    }
    return name
  }
}
