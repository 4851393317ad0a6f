import { allocate, arrayConstant, type Constant, own, readAll, sizeOf, type Tensors } from '@silane/core'
import { errors as pipelineErrors } from '../errors.ts'
import { errors } from '../generate/errors.ts'
import type { DeployedTensor } from '../manifest.ts'
import type { PipelineFunction } from './pipeline-programs.ts'
import { countOf, placeRows } from './place-rows.ts'

/** The functions of one part of a decoder, which differ in how many new tokens they read. */
type Part = readonly [PipelineFunction, ...PipelineFunction[]]

/** What makes vectors of ids. */
export interface Embedding {
  readonly functions: Part
  /** The id in whose places rows stand, in order, and these rows, which need not be there as long as no id wants them. */
  readonly place?: { readonly id: number; readonly rows: Constant | undefined; readonly name: string }
}

type Cache = Map<string, Float32Array<ArrayBuffer>>

/** Where a sequence stands: how many slots are filled, and for each part what they hold. Reading on from it writes into it; `fork` before that keeps it. */
export interface Position {
  readonly length: number
  readonly caches: readonly Cache[]
  /** Rows that were put in the places of ids. */
  readonly placed: number
}

/** Scores, and where the sequence stands then. */
export interface Read {
  /** After the last token [V]. */
  readonly scores: Float32Array
  readonly state: Position
}

/** One call: the scores [1, S, V] under their name, of which the first `tokens` rows count. */
interface Called {
  readonly output: string
  readonly scores: Constant
  readonly tokens: number
  readonly state: Position
}

/**
 * Drives the functions of a cached decoder as an application does: prompts in padded calls of the longer function, then single steps,
 * with the cache kept on the host or handed from call to call (a state, which is an input and an output in ONNX). What each input and
 * output is for is what their ports say.
 */
export class CachedDecoder {
  /** Names of what new tokens may come as: ids, and vectors in their place, which need no program that makes them. */
  readonly entries: readonly string[]
  /** Cache slots N. */
  readonly context: number
  /** Tokens per call of the longer function P. */
  readonly chunk: number
  readonly #parts: readonly Part[]
  readonly #embed: Embedding | undefined
  readonly #extra: Tensors

  /**
   * `embed`: what turns ids into the vectors that the decoder reads. `extra`: inputs that stay the same, such as keys and
   * values of an encoder [L, C, 1, S]; a part takes its own layers of them.
   */
  constructor(parts: readonly Part[], embed: Embedding | undefined, extra: Tensors) {
    const functions = parts[0] ?? []
    const widths = functions.map(widthOf)
    const cache = functions[0] && [...functions[0].inputs, ...functions[0].states].find(({ role }) => role === 'cache')
    const context = cache?.shape[3]
    if (widths.length === 0 || widths.includes(0) || context === undefined) throw errors.E_NOT_A_DECODER({})
    this.#parts = parts
    this.#embed = embed
    this.#extra = extra
    this.entries = [...(embed?.functions[0].inputs ?? []), ...(functions[0]?.inputs ?? [])].filter(isEntry).map(({ name }) => name)
    this.chunk = Math.max(...widths)
    this.context = context
  }

  /** An empty cache. */
  start(): Position {
    const empty = (part: Part): Cache =>
      new Map(
        [...part[0].inputs, ...part[0].states]
          .filter(({ role }) => role === 'cache')
          .map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]),
      )
    return { length: 0, caches: this.#parts.map(empty), placed: 0 }
  }

  /** A position of its own with the same content: two sequences go on from one. */
  fork({ caches, ...position }: Position): Position {
    return { ...position, caches: caches.map(cache => new Map([...cache].map(([name, data]) => [name, data.slice()]))) }
  }

  /** Reads ids of a prompt after what `position` holds. */
  async read(position: Position, ids: readonly number[]): Promise<Read> {
    let last: Read = { scores: new Float32Array(), state: position }
    for await (const { scores, tokens, state } of this.#calls(position, ints(ids))) last = { scores: rowsOf(scores, tokens - 1, 1), state }
    return last
  }

  /** Reads a token that was chosen. It is a word, whatever its id: only a prompt has places. */
  async next(position: Position, id: number): Promise<Read> {
    if (position.length === this.context) throw errors.E_CONTEXT_FULL({ context: this.context, tokens: position.length + 1 })
    const entry = this.#embed ? await this.#words(1, ints([id])) : ints([id])
    const { scores, tokens, state } = await this.#call(1, position, entry, 1)
    return { scores: rowsOf(scores, tokens - 1, 1), state }
  }

  /** Reads ids [1, T], or vectors in their place [1, T, C], after what `position` holds. Gives the scores of every one of them [1, T, V], under their name. */
  async score(position: Position, entry: Constant): Promise<{ readonly outputs: Tensors; readonly state: Position }> {
    const rows: Float32Array[] = []
    let [name, state] = ['', position]
    for await (const call of this.#calls(position, entry)) {
      rows.push(rowsOf(call.scores, 0, call.tokens))
      name = call.output
      state = call.state
    }
    return { outputs: { [name]: stacked(rows, entry.shape[1] as number) }, state }
  }

  /** The calls that read `entry`: as many long ones as it takes, and steps where a long one does not fit or is not worth it. */
  async *#calls(position: Position, entry: Constant): AsyncGenerator<Called> {
    const total = entry.shape[1] as number
    if (position.length + total > this.context) throw errors.E_CONTEXT_FULL({ context: this.context, tokens: position.length + total })
    let state = position
    for (let done = 0; done < total; ) {
      // A state is written at P slots whatever the padding, so near its end only steps fit.
      const writes = this.#parts.some(([{ states }]) => states.length > 0)
      const single = total - done === 1 || (writes && state.length + this.chunk > this.context)
      const width = single ? 1 : this.chunk
      const tokens = Math.min(width, total - done)
      const call = await this.#call(width, state, columns(entry, done, tokens, width), tokens)
      yield call
      state = call.state
      done += tokens
    }
  }

  /** One call of all parts, each of which takes what the one before it hands over. */
  async #call(width: number, { length, caches, placed }: Position, entry: Constant, tokens: number): Promise<Called> {
    const positions = ints(Array.from({ length: width }, (_, i) => Math.min(length + i, this.context - 1)))
    let passed = await this.#entered(width, entry, placed)
    let scores: readonly [string, Constant] | undefined
    const first = functionOf(this.#parts[0] as Part, width)
    for (const [index, part] of this.#parts.entries()) {
      const fn = part.find(({ name }) => name === first.name) ?? part[0]
      const cache = caches[index] as Cache
      const feeds = Object.fromEntries(
        [...fn.inputs, ...fn.states].map(input => [input.name, this.#feed(fn, input, { cache, positions, passed })]),
      )
      const outputs = await fn.run(feeds)
      for (const { name } of fn.states) {
        const written = own(outputs, `${name}_out`)
        if (written) cache.set(name, floats(readAll(written)))
      }
      for (const { name, updates, role } of fn.outputs) {
        const output = own(outputs, name)
        if (!output) throw errors.E_NOT_A_DECODER({})
        if (updates !== undefined) write(cache.get(updates), output, { at: length, tokens, slots: this.context })
        else if (role === 'hidden') passed = output
        else scores = [name, output]
      }
    }
    if (!scores) throw errors.E_NOT_A_DECODER({})
    return {
      output: scores[0],
      scores: scores[1],
      tokens,
      state: { length: length + tokens, caches, placed: placed + this.#placesIn(entry) },
    }
  }

  /** What the first part reads: ids as they are, or the vectors that stand for them. */
  async #entered(width: number, entry: Constant, placed: number): Promise<Constant> {
    if (!this.#embed || entry.shape.length > 2) return entry
    const vectors = await this.#words(width, entry)
    const { place } = this.#embed
    if (!place || this.#placesIn(entry) === 0) return vectors
    if (!place.rows) throw pipelineErrors.E_PIPELINE({ problem: `there is no "${place.name}" for the places of ${place.id}` })
    return placeRows(entry, vectors, { id: place.id, rows: place.rows, from: placed })
  }

  /** The vectors of ids [1, S], by the program that makes them. */
  async #words(width: number, entry: Constant): Promise<Constant> {
    const fn = this.#embed && functionOf(this.#embed.functions, width)
    const [ids, output] = [fn?.inputs.find(({ role }) => role === 'ids'), fn?.outputs[0]]
    const vectors = ids && output && own(await fn?.run({ [ids.name]: entry }), output.name)
    if (!vectors) throw errors.E_NOT_A_DECODER({})
    return vectors
  }

  /** How many of these tokens are places of rows. */
  #placesIn(entry: Constant): number {
    const place = this.#embed?.place
    return place && entry.shape.length === 2 ? countOf(entry, place.id) : 0
  }

  #feed(
    fn: PipelineFunction,
    { name, role, shape, layers }: DeployedTensor,
    { cache, positions, passed }: { readonly cache: Cache; readonly positions: Constant; readonly passed: Constant },
  ): Constant {
    const cached = cache.get(name)
    if (cached) return arrayConstant('fp32', shape, cached)
    if (role === 'positions') return positions
    if (role === 'hidden' || isEntry({ role })) return passed
    const extra = own(this.#extra, name)
    if (!extra) throw errors.E_INPUT_UNKNOWN({ input: name, function: fn.name })
    return layers ? rowsFrom(extra, layers) : extra
  }
}

const isEntry = ({ role }: { readonly role?: DeployedTensor['role'] | undefined }): boolean => role === 'ids' || role === 'vectors'

/** New tokens per call; 0 where no input says so. */
const widthOf = ({ inputs }: PipelineFunction): number => inputs.find(({ role }) => role === 'positions' || role === 'ids')?.shape[1] ?? 0

function functionOf(part: Part, width: number): PipelineFunction {
  return part.find(fn => widthOf(fn) === width) ?? part[0]
}

const rowsOf = (scores: Constant, first: number, count: number): Float32Array => {
  const width = scores.shape.at(-1) as number
  return floats(scores.read(first * width, count * width))
}

/** Columns `from … from + count − 1` of [1, T, …], padded with zeros to `width`. */
function columns(tensor: Constant, from: number, count: number, width: number): Constant {
  const row = sizeOf(tensor.shape.slice(2))
  const data = allocate(tensor.dtype, width * row)
  for (const [i, value] of tensor.read(from * row, count * row).entries()) data[i] = value
  return arrayConstant(tensor.dtype, [1, width, ...tensor.shape.slice(2)], data)
}

/** Rows of some calls as one tensor. */
function stacked(parts: readonly Float32Array[], length: number): Constant {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part, at)
    at += part.length
  }
  return arrayConstant('fp32', [1, length, data.length / length], data)
}

const ints = (values: readonly number[]): Constant => arrayConstant('int32', [1, values.length], Int32Array.from(values))

/** Rows of the first axis. */
function rowsFrom(constant: Constant, [from, to]: readonly [number, number]): Constant {
  const row = sizeOf(constant.shape.slice(1))
  return arrayConstant(constant.dtype, constant.shape.with(0, to - from), constant.read(from * row, (to - from) * row))
}

/** Puts new columns into their slots; those beyond the last token are padding, those beyond the last slot are dropped. */
function write(
  cache: Float32Array | undefined,
  update: Constant,
  { at, tokens, slots }: { readonly at: number; readonly tokens: number; readonly slots: number },
): void {
  if (!cache) throw errors.E_NOT_A_DECODER({})
  const fresh = readAll(update)
  const width = update.shape[3] as number
  for (let row = 0; row < cache.length / slots; row++) {
    for (let i = 0; i < tokens; i++) cache[row * slots + at + i] = Number(fresh[row * width + i])
  }
}

const floats = (data: ReturnType<Constant['read']>): Float32Array<ArrayBuffer> =>
  data instanceof Float32Array ? data : Float32Array.from(data, Number)
