import type { Session, Tensors, TensorType } from '@silane/core'
import { arrayConstant, type Constant, readAll } from '@silane/core'
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
    if (position.length + ids.length > this.context) {
      throw errors.E_CONTEXT_FULL({ context: this.context, tokens: position.length + ids.length })
    }
    let at = position
    let scores: Float32Array = new Float32Array()
    for (let done = 0; done < ids.length; ) {
      // A state is written at P slots whatever the padding, so near its end only steps fit.
      const writes = at.caches.some(({ tensors }) => STATE in tensors)
      const useStep = ids.length - done === 1 || (writes && at.length + this.chunk > this.context)
      const part = ids.slice(done, done + (useStep ? 1 : this.chunk))
      const result = await this.#call(useStep ? 'step' : 'prefill', at, part)
      at = result.state
      scores = result.scores
      done += part.length
    }
    return { scores, state: at }
  }

  /** One token more. */
  next(position: Position, id: number): Promise<{ scores: Float32Array; state: Position }> {
    return this.read(position, [id])
  }

  async #call(
    name: 'prefill' | 'step',
    { length, caches }: Position,
    ids: readonly number[],
  ): Promise<{ scores: Float32Array; state: Position }> {
    const width = name === 'step' ? 1 : this.chunk
    const positions = Array.from({ length: width }, (_, i) => Math.min(length + i, this.context - 1))
    const padded = Array.from({ length: width }, (_, i) => ids[i] ?? 0)
    let passed: Readonly<Record<string, Constant>> = { input_ids: ints(padded) }
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
      after.push(updated(cache, outputs, declared, length, ids.length))
      passed = handedOver(outputs)
      firstLayer += layers
    }
    const logits = passed.logits
    if (!logits) throw errors.E_NOT_A_DECODER({})
    const vocabulary = logits.shape.at(-1) as number
    const scores = logits.read((ids.length - 1) * vocabulary, vocabulary)
    return { scores: Float32Array.from(scores, Number), state: { length: length + ids.length, caches: after } }
  }
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
