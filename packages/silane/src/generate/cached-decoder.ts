import type { Session, Tensors, TensorType } from '@silane/core'
import { allocate, arrayConstant, type Constant, readAll, sizeOf } from '@silane/core'
import { errors } from './errors.ts'

/** One deployed part of a decoder: the whole of it, or a link of a chain. Shapes are the deployment contract's. */
export interface DecoderLink {
  readonly prefill: Session
  readonly step: Session
  readonly inputs: { readonly prefill: Readonly<Record<string, TensorType>>; readonly step: Readonly<Record<string, TensorType>> }
}

/** The host's copy of a link's cache: tensors by input name, filled up to `length` slots. */
interface LinkCache {
  readonly tensors: Readonly<Record<string, Float32Array<ArrayBuffer>>>
}

/** Where a sequence stands: immutable, so that beams can share one. */
export interface Position {
  readonly length: number
  readonly caches: readonly LinkCache[]
}

/** New tokens by the input that takes them: `input_ids` [1, T], or vectors in their place, `inputs_embeds` [1, T, C]. */
export interface NewTokens {
  readonly input: 'input_ids' | 'inputs_embeds'
  readonly values: Constant
}

/** One call of a function: the logits [1, S, V], of which the first `tokens` rows count, and where the sequence stands then. */
interface Called {
  readonly logits: Constant
  readonly tokens: number
  readonly state: Position
}

/** Names of cache inputs and of the outputs that bring them up to date. */
const updates = { key_cache: 'key_update', value_cache: 'value_update' } as const
const STATE = 'kv_cache'

/**
 * Drives the functions of a cached decoder as an application does: prompts in padded prefill calls, then single steps, with
 * the cache kept on the host (`kv=io`) or handed from call to call (`kv=state`, whose state is an input and an output in ONNX).
 */
export class CachedDecoder {
  /** Cache slots N. */
  readonly context: number
  /** Tokens per prefill call P. */
  readonly chunk: number
  readonly #links: readonly DecoderLink[]
  readonly #extra: Readonly<Record<string, Constant>>

  /** `extra`: inputs that stay the same, such as `cross_key` [L, C, 1, S]; a link takes its own layers of them. */
  constructor(links: readonly DecoderLink[], extra: Readonly<Record<string, Constant>> = {}) {
    const [first] = links
    const positions = first?.inputs.prefill.position_ids
    const cache = first && (first.inputs.step.key_cache ?? first.inputs.step[STATE])
    if (!positions || !cache) throw errors.E_NOT_A_DECODER({})
    this.#links = links
    this.#extra = extra
    this.chunk = positions.shape[1] as number
    this.context = cache.shape[3] as number
  }

  /** An empty cache. */
  start(): Position {
    return { length: 0, caches: this.#links.map(link => emptyCache(link)) }
  }

  /** Reads `ids` after what `position` holds. Gives the scores after the last one [V]. */
  async read(position: Position, ids: readonly number[]): Promise<{ scores: Float32Array; state: Position }> {
    let scores: Float32Array = new Float32Array()
    let state = position
    for await (const call of this.#calls(position, { input: 'input_ids', values: ints(ids) })) {
      scores = rowsOf(call.logits, call.tokens - 1, 1)
      state = call.state
    }
    return { scores, state }
  }

  /** Reads tokens after what `position` holds. Gives the logits of every one of them [1, T, V]. */
  async score(position: Position, tokens: NewTokens): Promise<{ logits: Constant; state: Position }> {
    const rows: Float32Array[] = []
    let state = position
    for await (const call of this.#calls(position, tokens)) {
      rows.push(rowsOf(call.logits, 0, call.tokens))
      state = call.state
    }
    return { logits: stacked(rows, tokens.values.shape[1] as number), state }
  }

  /** One token more. */
  next(position: Position, id: number): Promise<{ scores: Float32Array; state: Position }> {
    return this.read(position, [id])
  }

  /** The calls that read `tokens`: as many prefills as it takes, and steps where a prefill does not fit or is not worth it. */
  async *#calls(position: Position, { input, values }: NewTokens): AsyncGenerator<Called> {
    const total = values.shape[1] as number
    if (position.length + total > this.context) {
      throw errors.E_CONTEXT_FULL({ context: this.context, tokens: position.length + total })
    }
    let state = position
    for (let done = 0; done < total; ) {
      // A state is written at P slots whatever the padding, so near its end only steps fit.
      const writes = state.caches.some(({ tensors }) => STATE in tensors)
      const useStep = total - done === 1 || (writes && state.length + this.chunk > this.context)
      const width = useStep ? 1 : this.chunk
      const tokens = Math.min(width, total - done)
      const call = await this.#call(useStep ? 'step' : 'prefill', state, { [input]: columns(values, done, tokens, width) }, tokens)
      yield call
      state = call.state
      done += tokens
    }
  }

  /** One call of all links, each of which takes what the one before it hands over. */
  async #call(name: 'prefill' | 'step', { length, caches }: Position, given: Tensors, tokens: number): Promise<Called> {
    const width = name === 'step' ? 1 : this.chunk
    const positions = Array.from({ length: width }, (_, i) => Math.min(length + i, this.context - 1))
    let passed = given
    const after: LinkCache[] = []
    let firstLayer = 0
    for (const [index, link] of this.#links.entries()) {
      const cache = caches[index] as LinkCache
      const declared = link.inputs[name]
      const layers = layersOf(declared)
      const feeds: Record<string, Constant> = {}
      for (const [input, type] of Object.entries(declared)) {
        const own = cache.tensors[input]
        if (own) feeds[input] = arrayConstant('fp32', type.shape, own)
        else if (input === 'position_ids') feeds[input] = ints(positions)
        else if (passed[input]) feeds[input] = passed[input]
        else if (this.#extra[input]) feeds[input] = layersFrom(this.#extra[input], type, firstLayer)
        else throw errors.E_INPUT_UNKNOWN({ input, function: name })
      }
      const outputs = await link[name].run(feeds)
      after.push(updated(cache, outputs, declared, length, tokens))
      passed = handedOver(outputs)
      firstLayer += layers
    }
    const logits = passed.logits
    if (!logits) throw errors.E_NOT_A_DECODER({})
    return { logits, tokens, state: { length: length + tokens, caches: after } }
  }
}

const rowsOf = (logits: Constant, first: number, count: number): Float32Array => {
  const width = logits.shape.at(-1) as number
  return floats(logits.read(first * width, count * width))
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

/** What a part gives the next: its `hidden_states`, which those in the middle call `hidden_states_out`. */
const handedOver = ({ hidden_states_out, ...outputs }: Tensors): Tensors =>
  hidden_states_out ? { ...outputs, hidden_states: hidden_states_out } : outputs

const ints = (values: readonly number[]): Constant => arrayConstant('int32', [1, values.length], Int32Array.from(values))

const layersOf = (inputs: Readonly<Record<string, TensorType>>): number => inputs.key_cache?.shape[0] ?? (inputs[STATE]?.shape[0] ?? 0) / 2

function emptyCache(link: DecoderLink): LinkCache {
  const names = [...Object.keys(updates), STATE].filter(name => link.inputs.step[name])
  const size = (name: string) => (link.inputs.step[name] as TensorType).shape.reduce((product, dim) => product * dim, 1)
  return { tensors: Object.fromEntries(names.map(name => [name, new Float32Array(size(name))])) }
}

/** A link's own layers of what all layers share an input for. */
function layersFrom(constant: Constant, type: TensorType, firstLayer: number): Constant {
  if (constant.shape[0] === type.shape[0]) return constant
  const row = type.shape.slice(1).reduce((product, dim) => product * dim, 1)
  const part = constant.read(firstLayer * row, (type.shape[0] as number) * row)
  return arrayConstant(constant.dtype, type.shape, part)
}

/** The cache with the new tokens in their slots; columns beyond the last token are padding, columns beyond the last slot are dropped. */
function updated(
  cache: LinkCache,
  outputs: Readonly<Record<string, Constant>>,
  types: Readonly<Record<string, TensorType>>,
  at: number,
  tokens: number,
): LinkCache {
  const state = outputs[`${STATE}_out`]
  if (state) return { tensors: { [STATE]: floats(readAll(state)) } }
  const next: Record<string, Float32Array<ArrayBuffer>> = {}
  for (const [name, output] of Object.entries(updates)) {
    const old = cache.tensors[name]
    const update = outputs[output]
    const slots = types[name]?.shape[3]
    if (!old || !update || !slots) continue
    const fresh = readAll(update)
    const width = update.shape[3] as number
    const copy = old.slice()
    for (let row = 0; row < copy.length / slots; row++) {
      for (let i = 0; i < tokens; i++) copy[row * slots + at + i] = Number(fresh[row * width + i])
    }
    next[name] = copy
  }
  return { tensors: next }
}

const floats = (data: ReturnType<Constant['read']>): Float32Array<ArrayBuffer> =>
  data instanceof Float32Array ? data : Float32Array.from(data, Number)
