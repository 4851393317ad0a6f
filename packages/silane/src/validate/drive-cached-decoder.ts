import { allocate, arrayConstant, type Constant, type Graph, readAll, sizeOf, type Tensors, type TensorType } from '@silane/core'
import type { Driver } from './drivers.ts'
import type { StageCalls } from './stage-calls.ts'

/** Cache inputs, and the outputs that the host writes into them. */
const UPDATES = { key_cache: 'key_update', value_cache: 'value_update' } as const
const STATE = 'kv_cache'

/**
 * Gives the logits of a whole sequence as an application gets them: the first half through prefill calls, the last of them
 * padded, the rest token by token, over a cache that starts empty.
 */
export const driveCachedDecoder: Driver = async (stage, program, links, inputs) => {
  const extra = await encoderOutputs(stage, inputs)
  await stage.release()
  const ids = inputs.input_ids ?? inputs.inputs_embeds
  const name = inputs.input_ids ? 'input_ids' : 'inputs_embeds'
  const parts = links.map(link => decoderPart(stage, link))
  const [first] = parts
  if (!ids || !first) throw new TypeError(`${program} has no input to drive it by`)
  const length = ids.shape[1] ?? 0
  const half = Math.max(1, Math.ceil(length / 2))
  const rows: Float32Array[] = []
  let caches: Caches = parts.map(emptyCache)
  let phase = 'prefill'
  for (let at = 0; at < length; ) {
    // A state is written at all P slots, so near its end only steps fit.
    const whole = at < half && (!first.usesState || at + first.chunk <= first.slots)
    const fn = whole ? 'prefill' : 'step'
    if (fn !== phase) await stage.release()
    phase = fn
    const width = whole ? first.chunk : 1
    const tokens = Math.min(width, whole ? half - at : 1)
    const call: Call = { fn, at, width, tokens, passed: { [name]: columns(ids, at, tokens, width) } }
    const result = await callChain(stage, parts, caches, extra, call)
    caches = result.caches
    rows.push(Float32Array.from(result.logits.read(0, tokens * (result.logits.shape.at(-1) ?? 1)), Number))
    at += tokens
  }
  await stage.release()
  return { logits: stack(rows, length) }
}

interface Part {
  readonly program: string
  readonly prefill: Graph
  readonly step: Graph
  readonly chunk: number
  readonly slots: number
  readonly layers: number
  readonly usesState: boolean
}

/** The host's cache of each part, by input name. */
type Caches = readonly Readonly<Record<string, Float32Array<ArrayBuffer>>>[]

function decoderPart(stage: StageCalls, program: string): Part {
  const [prefill, step] = [stage.signature(program, 'prefill'), stage.signature(program, 'step')]
  const cache = step && (typeOf(step, 'key_cache') ?? typeOf(step, STATE))
  const chunk = prefill && typeOf(prefill, 'position_ids')?.shape[1]
  if (!prefill || !step || !cache || chunk === undefined) throw new TypeError(`${program} is no cached decoder`)
  const usesState = typeOf(step, STATE) !== undefined
  const rows = cache.shape[0] ?? 0
  return { program, prefill, step, chunk, slots: cache.shape[3] ?? 0, layers: usesState ? rows / 2 : rows, usesState }
}

const typeOf = (graph: Graph, name: string): TensorType | undefined =>
  [...graph.inputs, ...graph.states].find(value => value.name === name)?.type

const emptyCache = ({ step }: Part): Readonly<Record<string, Float32Array<ArrayBuffer>>> =>
  Object.fromEntries(
    [...Object.keys(UPDATES), STATE].flatMap(name => {
      const type = typeOf(step, name)
      return type ? [[name, new Float32Array(sizeOf(type.shape))]] : []
    }),
  )

/** What comes before the decoder: the cross-attention keys and values of its encoder, and the mask over them. */
async function encoderOutputs(stage: StageCalls, inputs: Tensors): Promise<Tensors> {
  const pixels = inputs.pixel_values
  const mask = inputs.encoder_attention_mask
  const masked = mask ? { encoder_attention_mask: mask } : {}
  if (pixels) {
    const image = await stage.call('vision_encoder', 'main', { pixel_values: pixels })
    if (!inputs.encoder_input_ids || !mask || !image.last_hidden_state) return cross(image)
    const text = { input_ids: inputs.encoder_input_ids, attention_mask: mask, image_embeds: image.last_hidden_state }
    return { ...cross(await stage.call('text_encoder', 'main', text)), ...masked }
  }
  const [ids, embeds] = [inputs.encoder_input_ids, inputs.encoder_inputs_embeds]
  if (!mask || !(ids ?? embeds)) return {}
  const text = { ...(ids ? { input_ids: ids } : {}), ...(embeds ? { inputs_embeds: embeds } : {}), attention_mask: mask }
  return { ...cross(await stage.call('encoder', 'main', text)), ...masked }
}

const cross = ({ cross_key: key, cross_value: value }: Tensors): Tensors => ({
  ...(key ? { cross_key: key } : {}),
  ...(value ? { cross_value: value } : {}),
})

interface Call {
  readonly fn: 'prefill' | 'step'
  /** Slot of the first new token. */
  readonly at: number
  /** Tokens of the call, of which the first `tokens` are real. */
  readonly width: number
  readonly tokens: number
  readonly passed: Tensors
}

/** One call through all parts of a decoder; each hands its hidden states on. */
async function callChain(stage: StageCalls, parts: readonly Part[], caches: Caches, extra: Tensors, call: Call) {
  const { fn, at, width, tokens } = call
  const after: Record<string, Float32Array<ArrayBuffer>>[] = []
  let passed = call.passed
  let layer = 0
  for (const [i, part] of parts.entries()) {
    const graph = part[fn]
    const cache = caches[i] ?? {}
    const positions = Int32Array.from({ length: width }, (_, column) => Math.min(at + column, part.slots - 1))
    const own = Object.entries(cache).map(
      ([name, data]) => [name, arrayConstant('fp32', typeOf(graph, name)?.shape ?? [data.length], data)] as const,
    )
    const shared = Object.entries(extra).map(([name, tensor]) => [name, ownLayers(tensor, typeOf(graph, name), layer)] as const)
    const feeds = { ...passed, ...Object.fromEntries([...own, ...shared]), position_ids: arrayConstant('int32', [1, width], positions) }
    const outputs = await stage.call(part.program, fn, feeds)
    after.push(updatedCache(part, cache, outputs, at, tokens))
    passed = outputs
    layer += part.layers
  }
  const { logits } = passed
  if (!logits) throw new TypeError(`the last part gives no logits`)
  return { logits, caches: after }
}

/** A part's own layers of what the parts share. */
function ownLayers(tensor: Constant, type: TensorType | undefined, first: number): Constant {
  if (!type || type.shape[0] === tensor.shape[0]) return tensor
  const row = sizeOf(tensor.shape.slice(1))
  return arrayConstant(tensor.dtype, type.shape, tensor.read(first * row, sizeOf(type.shape)))
}

/** The cache with the new tokens in their slots. Columns of padding are left out. */
function updatedCache(part: Part, cache: Caches[number], outputs: Tensors, at: number, tokens: number) {
  const state = outputs[`${STATE}_out`]
  if (state) return { [STATE]: Float32Array.from(readAll(state), Number) }
  const next: Record<string, Float32Array<ArrayBuffer>> = {}
  for (const [name, output] of Object.entries(UPDATES)) {
    const [old, update] = [cache[name], outputs[output]]
    if (!old || !update) continue
    const fresh = readAll(update)
    const width = update.shape[3] ?? 1
    const copy = old.slice()
    for (let row = 0; row < copy.length / part.slots; row++) {
      for (let column = 0; column < tokens && at + column < part.slots; column++)
        copy[row * part.slots + at + column] = Number(fresh[row * width + column])
    }
    next[name] = copy
  }
  return next
}

/** Columns `at … at + tokens − 1` of [1, T, …], padded with zeros to `width`. */
function columns(tensor: Constant, at: number, tokens: number, width: number): Constant {
  const row = sizeOf(tensor.shape.slice(2))
  const data = allocate(tensor.dtype, width * row)
  for (const [i, value] of tensor.read(at * row, tokens * row).entries()) data[i] = value
  return arrayConstant(tensor.dtype, [1, width, ...tensor.shape.slice(2)], data)
}

function stack(rows: readonly Float32Array[], length: number): Constant {
  const size = rows.reduce((sum, part) => sum + part.length, 0)
  const data = new Float32Array(size)
  let at = 0
  for (const part of rows) {
    data.set(part, at)
    at += part.length
  }
  return arrayConstant('fp32', [1, length, size / length], data)
}
