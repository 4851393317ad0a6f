/** What an error says: what is wrong, where it was looked for, what to do next. */
export interface ErrorText {
  readonly what: string
  readonly where?: string | undefined
  readonly next?: string | undefined
  /** 2: usage or unsupported input (the default). 1: a fault of ours. 3: a missed gate. */
  readonly exitCode?: 1 | 2 | 3
}

/** An error with a stable code, meant to be read by the person who ran the command. */
/** Characters of each sentence: names from files, which may have megabytes, stand in them. */
const MAX_TEXT = 4000

const capped = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text)

export class SilaneError extends Error {
  override readonly name = 'SilaneError'
  readonly code: string
  readonly what: string
  readonly where: string | undefined
  readonly next: string | undefined
  readonly exitCode: 1 | 2 | 3

  constructor(code: string, text: ErrorText, options?: ErrorOptions) {
    const { what, where, next } = { what: capped(text.what), where: text.where && capped(text.where), next: text.next && capped(text.next) }
    super([what, where && `Looked in: ${where}`, next].filter(Boolean).join('\n'), options)
    this.code = code
    this.what = what
    this.where = where
    this.next = next
    this.exitCode = text.exitCode ?? 2
  }
}

/** Tells a SilaneError by its fields: two copies of this package may meet in one process, so `instanceof` would miss one. */
export const isSilaneError = (error: unknown): error is SilaneError =>
  error instanceof Error && error.name === 'SilaneError' && 'code' in error && 'what' in error

type Catalogue = Readonly<Record<string, (facts: never) => ErrorText>>
type Thrower<C extends Catalogue> = { readonly [K in keyof C]: (facts: Parameters<C[K]>[0], options?: ErrorOptions) => SilaneError }

/** Turns a table from code to text into functions that make the error: `throw errors.E_TENSOR_MISSING({ … })`. */
export function defineErrors<const C extends Catalogue>(catalogue: C): Thrower<C> {
  const make = (code: string, say: (facts: never) => ErrorText) => (facts: unknown, options?: ErrorOptions) =>
    new SilaneError(code, say(facts as never), options)
  return Object.fromEntries(Object.entries(catalogue).map(([code, say]) => [code, make(code, say)])) as Thrower<C>
}

/** Characters of a name that are compared: names of modules have up to a hundred, and a file may hold one of a megabyte. */
const MAX_COMPARED = 160

/** Names that are compared: the work is their number times the square of their length. A large model has ten thousand. */
const MAX_CANDIDATES = 2000

/** The names nearest to `name` by edit distance, for "closest names" lines. Of very many, those with the same last part are looked at. */
export function nearest(name: string, candidates: Iterable<string>, count = 3): string[] {
  const meant = name.slice(0, MAX_COMPARED)
  const scored = comparable(name, candidates).map(candidate => ({
    candidate: candidate.length > MAX_COMPARED ? `${candidate.slice(0, MAX_COMPARED)}…` : candidate,
    distance: editDistance(meant, candidate.slice(0, MAX_COMPARED)),
  }))
  scored.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
  return scored.slice(0, count).map(s => s.candidate)
}

function comparable(name: string, candidates: Iterable<string>): readonly string[] {
  const all = [...candidates]
  if (all.length <= MAX_CANDIDATES) return all
  const last = lastPart(name)
  const alike = all.filter(candidate => lastPart(candidate) === last)
  return (alike.length > 0 ? alike : all).slice(0, MAX_CANDIDATES)
}

/** `weight` of `encoder.layer.0.output.dense.weight`. */
const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(substitute, (previous[j] as number) + 1, (row[j - 1] as number) + 1))
    }
    previous = row
  }
  return previous[b.length] as number
}

const list = (names: readonly string[]) => names.join(', ') || 'none'
const dims = (shape: readonly number[]) => `[${shape.join(', ')}]`

/** Errors of the core: weights that do not fit the model, graphs that do not fit their ops. */
export const errors = defineErrors({
  E_JSON: (f: { file: string; problem: string; line: number; column: number; where: string }) => ({
    what: `${f.file} is not valid JSON: ${f.problem} in line ${f.line}, column ${f.column}.`,
    where: f.where,
    next: 'Download the file again; if it stays the same, it was published broken.',
  }),
  E_JSON_LIMIT: (f: { file: string; what: string; limit: number; where: string }) => ({
    what: `${f.file} has ${f.what} than the ${f.limit} that are read of a JSON file.`,
    where: f.where,
    next: 'Download the file again; if it stays the same, it was published broken.',
  }),

  E_TENSOR_MISSING: (f: { tensor: string; near: readonly string[]; where: string }) => ({
    what: `No tensor called "${f.tensor}" in the checkpoint. Closest names: ${list(f.near)}.`,
    where: f.where,
    next: 'Check that config.json belongs to these weights, or choose another --task.',
  }),
  E_TENSOR_SHAPE: (f: { tensor: string; expected: readonly number[]; actual: readonly number[]; where: string }) => ({
    what: `Tensor "${f.tensor}" has the shape ${dims(f.actual)}; the configuration asks for ${dims(f.expected)}.`,
    where: f.where,
    next: 'Check that config.json belongs to these weights.',
  }),
  E_TENSOR_INTEGERS: (f: { tensor: string; dtype: string; where: string }) => ({
    what: `Tensor "${f.tensor}" is stored as ${f.dtype}; the model calculates with floats there.`,
    where: f.where,
    next: 'Use the weights as they were published in floats; quantised ones need the quantization_config that says what their numbers mean.',
  }),
  E_CONFIG: (f: { file?: string; field: string; problem: string; where: string }) => ({
    what: `${f.file ?? 'config.json'}: ${f.field}: ${f.problem}.`,
    where: f.where,
    next: 'Correct the file; it should be the one that was published with the weights.',
  }),
  E_OPTION: (f: { option: string; problem: string; next?: string }) => ({
    what: `Option ${f.option}: ${f.problem}.`,
    next: f.next ?? 'See `silane plugins --json` for the options of a plugin and `silane convert --help` for the general ones.',
  }),
  E_UNSUPPORTED: (f: { what: string; next?: string }) => ({ what: f.what, next: f.next }),
  E_TYPE: (f: { op: string; problem: string }) => ({ what: `${f.op}: ${f.problem}.`, exitCode: 1 }),
  E_GRAPH: (f: { graph: string; problem: string; after?: string | undefined }) => ({
    what: `Graph "${f.graph}" is broken${f.after ? ` after ${f.after}` : ''}: ${f.problem}.`,
    next: 'This is a fault in silane or in a plugin, not in your input.',
    exitCode: 1,
  }),
  E_RULE_LOOP: (f: { rule: string; op: string }) => ({
    what: `Rule "${f.rule}" keeps rewriting ${f.op}: more than 64 replacements deep.`,
    next: 'A rule must not match what it made.',
    exitCode: 1,
  }),
})
