import {
  type Builder,
  type Constant,
  causalMask,
  computedConstant,
  concatConstants,
  denseConstant,
  embedding,
  firstRows,
  layerNorm,
  linear,
  project,
  readAll,
  reshapeConstant,
  type Value,
  type Weights,
} from '@silane/core'
import { HEADS, type RetroConfig, type StackConfig, turnedChannels } from './config.ts'

export { type RetroConfig, type RetroOptions, readRetroConfig } from './config.ts'

/**
 * Borgeaud et al., "Improving language models by retrieving from trillions of tokens" (2022), as lucidrains' RETRO-pytorch computes it
 * (`retro_pytorch.py`, 0.3.0 to 0.3.9). Shapes: S tokens in k chunks of C, the last one perhaps not full; K neighbours of R tokens
 * retrieved for each chunk that is; D width of the decoder, E of the encoder, V vocabulary.
 */

/** torch's default for LayerNorm, which the original leaves. */
const LAYER_NORM_EPSILON = 1e-5

/** The original divides by max(√mean(x²), 1e-8); the root of mean(x²) + 1e-16 differs from that only below 1e-7. */
const RMS_EPSILON = 1e-16

/** Cosines and sines [tokens, turned] of positions. */
interface Turn {
  readonly cos: Value
  readonly sin: Value
}

/** How far a token is turned, by where it stands. */
type Rotation = (positions: readonly number[]) => Turn

/** The frequencies are a buffer in the file, rounded where that is of half precision; a file may lack them. The original computes angles in fp32. */
function rotation(b: Builder, w: Weights, headSize: number): Rotation {
  const [standard, other] = turnedChannels(headSize) as [number, number]
  const turned = 2 * (w.shapeOf('inv_freq')?.[0] ?? 0) === other ? other : standard
  const stored = w.optional('inv_freq', [turned / 2])
  const frequencies = stored
    ? Array.from(readAll(stored), Number)
    : Array.from({ length: turned / 2 }, (_, i) => 10000 ** ((-2 * i) / turned))
  return positions => {
    const table = (of: (angle: number) => number): Value => {
      const rows = positions.flatMap(position => {
        const half = frequencies.map(frequency => of(Math.fround(position * Math.fround(frequency))))
        return [...half, ...half]
      })
      return b.constant(denseConstant('fp32', [positions.length, turned], Float32Array.from(rows)))
    }
    return { cos: table(Math.cos), sin: table(Math.sin) }
  }
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, position) => position)

/** x·Wᵀ without a bias, which queries, keys and values do not have. */
const projected = (b: Builder, x: Value, w: Weights, out: number): Value =>
  b.in(w.path, () => project(b, x, w.tensor('weight', [out, x.type.shape.at(-1) as number]), undefined))

/** x / rms(x) · gamma, and gated with σ(x · weight), x not normalised; or a layer norm. [..., D] */
function normalize(b: Builder, x: Value, w: Weights, { norm }: RetroConfig): Value {
  if (norm === 'layer') return layerNorm(b, x, w, LAYER_NORM_EPSILON)
  const width = [x.type.shape.at(-1) as number]
  return b.in(w.path, () => {
    const y = b.rms_norm({ x, gamma: b.constant(w.tensor('gamma', width)), epsilon: RMS_EPSILON })
    return norm === 'rms' ? y : b.mul({ x: y, y: b.sigmoid({ x: b.mul({ x, y: b.constant(w.tensor('weight', width)) }) }) })
  })
}

/** x + f(norm(x)), or norm(f(x) + α·x). `w` holds `norm` and `fn`. */
function around(
  b: Builder,
  x: Value,
  w: Weights,
  { scaleResidual }: StackConfig,
  config: RetroConfig,
  f: (y: Value, fn: Weights) => Value,
): Value {
  const normal = (y: Value): Value => normalize(b, y, w.at('norm'), config)
  const fn = w.at('fn')
  if (!config.postNorm) return b.in(w.path, () => b.add({ x: f(normal(x), fn), y: x }))
  return normal(b.in(w.path, () => b.add({ x: f(x, fn), y: b.mul({ x, y: b.scalar(scaleResidual, x) }) })))
}

interface Attended {
  /** [B, S, ·] → [B, T, HEADS·d] keys and values of their own. */
  readonly keys: Value
  readonly values: Value
  readonly keyMask?: Value
  readonly causal?: boolean
}

/** Queries of x [B, S, D], turned, over keys that are turned already → [B, S, D] */
function attend(
  b: Builder,
  x: Value,
  turn: Turn,
  { keys, values, keyMask, causal }: Attended,
  w: Weights,
  { headSize }: RetroConfig,
): Value {
  const query = b.rotary({ x: projected(b, x, w.at('to_q'), HEADS * headSize), ...turn, heads: HEADS })
  const mixed = b.attention({
    query,
    key: keys,
    value: values,
    key_mask: keyMask,
    mask: causal ? b.constant(causalMask(x.type.shape[1] as number)) : undefined,
    heads: HEADS,
    scale: 1 / Math.sqrt(headSize),
  })
  return linear(b, mixed, w.at('to_out'), x.type.shape.at(-1) as number)
}

/** Keys, turned, and values of a context [B, T, ·] → two [B, T, HEADS·d] */
const keysAndValues = (b: Builder, context: Value, turn: Turn, w: Weights, { headSize }: RetroConfig): { keys: Value; values: Value } => ({
  keys: b.rotary({ x: projected(b, context, w.at('to_k'), HEADS * headSize), ...turn, heads: HEADS }),
  values: projected(b, context, w.at('to_v'), HEADS * headSize),
})

const attendItself = (
  b: Builder,
  x: Value,
  turn: Turn,
  how: Pick<Attended, 'keyMask' | 'causal'>,
  w: Weights,
  config: RetroConfig,
): Value => attend(b, x, turn, { ...keysAndValues(b, x, turn, w, config), ...how }, w, config)

/** Lin → gelu → Lin, four times as wide in between. */
function feedForward(b: Builder, x: Value, w: Weights): Value {
  const width = x.type.shape.at(-1) as number
  const ff = w.at('ff')
  return linear(b, b.gelu({ x: linear(b, x, ff.at(0), 4 * width), mode: 'EXACT' }), ff.at(3), width)
}

/** What was retrieved for the full chunks. */
interface Retrieved {
  /** int32 [k·K, R] */
  readonly ids: Value
  /** int32 [k·K, R], 1 where there is a token. */
  readonly mask: Value
  readonly chunks: number
  readonly neighbors: number
}

/** The first k·C tokens in chunks: [1, S, D] → [k, C, D] */
function inChunks(b: Builder, x: Value, chunks: number, chunkSize: number): Value {
  const width = x.type.shape[2] as number
  const full = b.slice_by_index({ x, begin: [0, 0, 0], end: [1, chunks * chunkSize, width] })
  return b.reshape({ x: full, shape: [chunks, chunkSize, width] })
}

/** Each row once for every neighbour: [k, C, D] → [k·K, C, D] */
function perNeighbor(b: Builder, x: Value, neighbors: number): Value {
  const [chunks, length, width] = x.type.shape as [number, number, number]
  const copies = b.tile({ x: b.expand_dims({ x, axes: [1] }), reps: [1, neighbors, 1, 1] })
  return b.reshape({ x: copies, shape: [chunks * neighbors, length, width] })
}

/** Encodes neighbours in sight of the chunk that they were retrieved for: context [k, C, D], the decoder's stream as it is → [k·K, R, D] */
function encode(b: Builder, retrieved: Retrieved, context: Value, root: Weights, config: RetroConfig): Value {
  const w = root.at('encoder')
  const { encoder: stack, vocabulary, decoder } = config
  const turn = rotation(b, w.at('rotary_pos_emb'), config.headSize)
  const own = turn(upTo(retrieved.ids.type.shape[1] as number))
  const ofContext = turn(upTo(context.type.shape[1] as number))
  let x = embedding(b, retrieved.ids, root.at('token_emb'), vocabulary, stack.width)
  for (const [index, crossed] of stack.crossed.entries()) {
    const at = w.at('layers').at(index)
    const layer = (part: number, f: (y: Value, fn: Weights) => Value): Value => around(b, x, at.at(part), stack, config, f)
    x = layer(0, (y, fn) => attendItself(b, y, own, { keyMask: retrieved.mask }, fn, config))
    if (crossed)
      x = layer(1, (y, fn) => {
        // All neighbours of a chunk see the same keys: they are projected once.
        const { keys, values } = keysAndValues(b, context, ofContext, fn, config)
        const [allKeys, allValues] = [keys, values].map(each => perNeighbor(b, each, retrieved.neighbors)) as [Value, Value]
        return attend(b, y, own, { keys: allKeys, values: allValues }, fn, config)
      })
    x = layer(2, (y, fn) => feedForward(b, y, fn))
  }
  const normal = config.postNorm ? x : normalize(b, x, w.at('norm_out'), config)
  return linear(b, normal, w.at('project_out'), decoder.width)
}

/** The same learned vector [HEADS·d] in front of every row's keys or values: [k, T, HEADS·d] → [k, 1 + T, HEADS·d] */
function behindNull(b: Builder, x: Value, nothing: Constant): Value {
  const [rows, , width] = x.type.shape as [number, number, number]
  const one = reshapeConstant(nothing, [1, 1, width])
  return b.concat({ values: [b.constant(concatConstants(Array<Constant>(rows).fill(one), 0)), x], axis: 1 })
}

/**
 * Chunked cross-attention of x [1, S, D] to the encoded neighbours [k·K, R, D] → [1, S, D]. The last token of chunk c and all but the last
 * of chunk c + 1 attend to what was retrieved for chunk c, so that nothing is seen ahead of time; tokens before the first of them get 0.
 *
 * Queries should be turned by C − 1 and on, their distance from the chunk's begin. But the original shifts that table along with the tokens
 * and fills it with zeros: the first query is turned by 2(C − 1), the others not at all. Trained weights depend on it.
 */
function attendChunks(
  b: Builder,
  x: Value,
  encoded: Value,
  { mask, chunks, neighbors }: Retrieved,
  turn: Rotation,
  w: Weights,
  config: RetroConfig,
): Value {
  const [, length, width] = x.type.shape as [number, number, number]
  const tokens = encoded.type.shape[1] as number
  const chunkSize = config.chunkSize as number
  const ahead = chunkSize - 1
  const seeing = Math.min(length - ahead, chunks * chunkSize)
  const missing = chunks * chunkSize - seeing
  const cut = b.slice_by_index({ x, begin: [0, ahead, 0], end: [1, ahead + seeing, width] })
  const filled = missing === 0 ? cut : b.pad({ x: cut, pad: [0, 0, 0, missing, 0, 0] })
  const queries = b.reshape({ x: filled, shape: [chunks, chunkSize, width] })

  const context = b.reshape({ x: encoded, shape: [chunks, neighbors * tokens, width] })
  const ofKeys = turn(Array<readonly number[]>(neighbors).fill(upTo(tokens)).flat())
  const { keys, values } = keysAndValues(b, context, ofKeys, w, config)
  const nothing = (name: string): Constant => w.tensor(name, [HEADS * config.headSize])
  const always = b.constant(computedConstant('int32', [chunks, 1], 'always', () => 1))
  const attended: Attended = {
    keys: behindNull(b, keys, nothing('null_k')),
    values: behindNull(b, values, nothing('null_v')),
    keyMask: b.concat({ values: [always, b.reshape({ x: mask, shape: [chunks, neighbors * tokens] })], axis: 1 }),
  }
  const ofQueries = turn(upTo(chunkSize).map(position => (position === 0 ? 2 * ahead : 0)))
  const mixed = b.reshape({ x: attend(b, queries, ofQueries, attended, w, config), shape: [1, chunks * chunkSize, width] })
  const own = missing === 0 ? mixed : b.slice_by_index({ x: mixed, begin: [0, 0, 0], end: [1, seeing, width] })
  return ahead === 0 ? own : b.pad({ x: own, pad: [0, 0, ahead, 0, 0, 0] })
}

/**
 * Scores for the token after each. inputIds int32 [1, S]; neighbours int32 [1, ⌊S / C⌋, K, R], or undefined, where all that attends to
 * neighbours is left out, norms included → [1, S, V]
 */
export function logits(b: Builder, inputIds: Value, neighborIds: Value | undefined, w: Weights, config: RetroConfig): Value {
  const { vocabulary, positions, encoder, decoder: stack, chunkSize } = config
  const length = inputIds.type.shape[1] as number
  const retrieved = neighborIds && rowsOf(b, neighborIds, config)
  const words = embedding(b, inputIds, w.at('token_emb'), vocabulary, encoder.width)
  const embedded = b.add({ x: words, y: firstRows(b, w.at('pos_emb'), positions, encoder.width, length) })
  let x = encoder.width === stack.width ? embedded : linear(b, embedded, w.at('to_decoder_model_dim'), stack.width)

  const turn = rotation(b, w.at('decoder.rotary_pos_emb'), config.headSize)
  const own = turn(upTo(length))
  let encoded: Value | undefined
  for (const [index, crossed] of stack.crossed.entries()) {
    const at = w.at('decoder.layers').at(index)
    const layer = (part: number, f: (y: Value, fn: Weights) => Value): Value => around(b, x, at.at(part), stack, config, f)
    x = layer(0, (y, fn) => attendItself(b, y, own, { causal: true }, fn, config))
    if (crossed && retrieved) {
      // Once, at the first layer that needs it, from what the stream is there.
      const known = encoded ?? encode(b, retrieved, inChunks(b, x, retrieved.chunks, chunkSize as number), w, config)
      encoded = known
      x = layer(1, (y, fn) => attendChunks(b, y, known, retrieved, turn, fn.at('cross_attn'), config))
    }
    x = layer(2, (y, fn) => feedForward(b, y, fn))
  }
  return linear(b, config.postNorm ? x : normalize(b, x, w.at('decoder.norm_out'), config), w.at('to_logits'), vocabulary)
}

function rowsOf(b: Builder, neighborIds: Value, { padId }: RetroConfig): Retrieved {
  const [, chunks, neighbors, tokens] = neighborIds.type.shape as [number, number, number, number]
  const ids = b.reshape({ x: neighborIds, shape: [chunks * neighbors, tokens] })
  const mask = b.cast({ x: b.not_equal({ x: ids, y: b.scalar(padId, ids) }), dtype: 'int32' })
  return { ids, mask, chunks, neighbors }
}
