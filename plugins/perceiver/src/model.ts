import {
  activate,
  type Builder,
  type Constant,
  concatConstants,
  embedding,
  errors,
  firstRows,
  layerNorm,
  linear,
  project,
  reshapeConstant,
  type Value,
  type Weights,
} from '@silane/core'
import type { PerceiverConfig } from './config.ts'
import { fourierPositions } from './fourier.ts'

/**
 * Perceiver IO of Jaegle et al., "Perceiver IO: A General Architecture for Structured Inputs & Outputs" (2021), as transformers'
 * `modeling_perceiver.py` computes it. A few latents attend to many inputs, then to themselves, and queries attend to the latents.
 * Shapes: B batch, N inputs, L latents, D width of the latents, M positions of the text, V vocabulary. `w` are the tensors below `perceiver`.
 */

/** torch's default for norms of layers and of batches, which no configuration changes. */
const EPSILON = 1e-5

/** The decoder of bytes attends with these, whatever the configuration says (`PerceiverForMaskedLM`). */
const BYTE_HEADS = 8
const BYTE_QUERY_WIDTH = 8 * 32

/** Fourier features of one axis, for images and flow. */
const BANDS = 64

const widthOf = (x: Value): number => x.type.shape.at(-1) as number

const norm = (b: Builder, x: Value, w: Weights): Value => layerNorm(b, x, w, EPSILON)

interface LayerShape {
  readonly heads: number
  /** Channels of queries and keys, and of values, over all heads. */
  readonly qk: number
  readonly v: number
  /** Of the feed-forward layer. */
  readonly widening: number
  /** Whether what attends is added to what it gets. */
  readonly residual: boolean
}

interface Attended {
  /** [B, N, channels] */
  readonly inputs: Value
  /** [B, N], 1 where there is something to attend to. */
  readonly mask?: Value | undefined
}

/**
 * One layer: x attends to other inputs, or to itself, and goes through a feed-forward layer. [B, Q, C] → [B, Q, C]
 *
 *     a = attention(LN(x), LN(inputs))·Wo (+ x)
 *     y = a + act(LN(a)·W1)·W2
 */
function layer(b: Builder, x: Value, to: Attended | undefined, shape: LayerShape, w: Weights, config: PerceiverConfig): Value {
  const { heads, qk, v, widening, residual } = shape
  const width = widthOf(x)
  const self = w.at('attention.self')
  return b.in(w.path, () => {
    const own = norm(b, x, self.at('layernorm1'))
    const others = to ? norm(b, to.inputs, self.at('layernorm2')) : own
    const mixed = b.attention({
      query: linear(b, own, self.at('query'), qk),
      key: linear(b, others, self.at('key'), qk),
      value: linear(b, others, self.at('value'), v),
      key_mask: to?.mask,
      heads,
      scale: 1 / Math.sqrt(qk / heads),
    })
    const got = linear(b, mixed, w.at('attention.output.dense'), width)
    const a = residual ? b.add({ x: got, y: x }) : got
    const inner = linear(b, norm(b, a, w.at('layernorm')), w.at('mlp.dense1'), widening * width)
    return b.add({ x: a, y: linear(b, activate(b, config.hidden_act, inner), w.at('mlp.dense2'), width) })
  })
}

/** Channels of a cross-attention: as asked for, else those of what attends or of what is attended to. Throws E_CONFIG. */
function crossChannels(
  query: number,
  inputs: number,
  asked: { readonly heads: number; readonly qk?: number | undefined; readonly v?: number | undefined },
  { cross_attention_shape_for_attention: like, where }: PerceiverConfig,
): Pick<LayerShape, 'heads' | 'qk' | 'v'> {
  const { heads } = asked
  const qk = asked.qk ?? (like === 'kv' ? inputs : query)
  const v = asked.v ?? qk
  const odd = [qk, v].find(channels => channels % heads !== 0)
  if (odd !== undefined)
    throw errors.E_CONFIG({
      field: 'num_cross_attention_heads',
      problem: `${heads} does not divide the ${odd} channels of the attention`,
      where,
    })
  return { heads, qk, v }
}

/** A learned array as many times as there are rows in a batch: [rows, width] → [B, rows, width] */
const learned = (b: Builder, array: Constant, batch: number): Value => {
  const one = reshapeConstant(array, [1, ...array.shape])
  return b.constant(concatConstants(Array<Constant>(batch).fill(one), 0))
}

/** The latents after they have attended to the inputs, and to themselves in blocks of layers with the same weights. [B, N, channels] → [B, L, D] */
export function encode(b: Builder, to: Attended, w: Weights, config: PerceiverConfig): Value {
  const { num_latents, d_latents, num_blocks, num_self_attends_per_block, qk_channels, v_channels } = config
  const start = learned(b, w.at('embeddings').tensor('latents', [num_latents, d_latents]), to.inputs.type.shape[0] as number)
  const cross: LayerShape = {
    ...crossChannels(d_latents, widthOf(to.inputs), { heads: config.num_cross_attention_heads, qk: qk_channels, v: v_channels }, config),
    widening: config.cross_attention_widening_factor,
    residual: config.use_query_residual,
  }
  const self: LayerShape = {
    heads: config.num_self_attention_heads,
    qk: qk_channels ?? d_latents,
    v: d_latents,
    widening: config.self_attention_widening_factor,
    residual: true,
  }
  let latents = layer(b, start, to, cross, w.at('encoder.cross_attention'), config)
  for (let block = 0; block < num_blocks; block++) {
    for (let i = 0; i < num_self_attends_per_block; i++)
      latents = layer(b, latents, undefined, self, w.at('encoder.self_attends').at(i), config)
  }
  return latents
}

/** Queries attend to the latents. [B, Q, C] → [B, Q, C] */
const decode = (
  b: Builder,
  queries: Value,
  latents: Value,
  shape: Omit<LayerShape, 'widening'>,
  w: Weights,
  config: PerceiverConfig,
): Value => layer(b, queries, { inputs: latents }, { ...shape, widening: 1 }, w.at('decoding_cross_attention'), config)

const oneHead = (queries: Value, latents: Value, config: PerceiverConfig) =>
  crossChannels(widthOf(queries), widthOf(latents), { heads: 1 }, config)

const byteTable = (w: Weights, { vocab_size, d_model }: PerceiverConfig): Constant =>
  w.at('input_preprocessor.embeddings').tensor('weight', [vocab_size, d_model])

/** Bytes with their positions. ids int32 [B, N] → [B, N, d_model] */
export function embedBytes(b: Builder, ids: Value, w: Weights, { vocab_size, d_model, max_position_embeddings }: PerceiverConfig): Value {
  const at = w.at('input_preprocessor')
  const words = embedding(b, ids, at.at('embeddings'), vocab_size, d_model)
  const length = ids.type.shape[1] as number
  return b.add({ x: words, y: firstRows(b, at.at('position_embeddings'), max_position_embeddings, d_model, length) })
}

/** Scores over bytes for every position that the model has, however many were read. [B, L, D] → [B, M, V]. `head` has the bias. */
export function predictBytes(b: Builder, latents: Value, w: Weights, head: Weights, config: PerceiverConfig): Value {
  const { max_position_embeddings, d_model, vocab_size } = config
  const at = w.at('decoder')
  const places = at.at('output_position_encodings').tensor('position_embeddings', [max_position_embeddings, d_model])
  const queries = learned(b, places, latents.type.shape[0] as number)
  const { heads, qk, v } = crossChannels(d_model, widthOf(latents), { heads: BYTE_HEADS, qk: BYTE_QUERY_WIDTH, v: d_model }, config)
  const decoded = decode(b, queries, latents, { heads, qk, v, residual: false }, at, config)
  return b.in(head.path, () => project(b, decoded, byteTable(w, config), head.tensor('bias', [vocab_size])))
}

/** Scores of classes: one learned query attends to the latents. [B, L, D] → [B, labels] */
export function classify(b: Builder, latents: Value, w: Weights, labels: number, config: PerceiverConfig): Value {
  const at = w.at('decoder.decoder')
  const place = at.at('output_position_encodings').tensor('position_embeddings', [1, config.d_latents])
  const query = learned(b, place, latents.type.shape[0] as number)
  const decoded = decode(b, query, latents, { ...oneHead(query, latents, config), residual: true }, at, config)
  return b.squeeze({ x: linear(b, decoded, at.at('final_layer'), labels), axes: [1] })
}

/** [B, C, H, W] → [B, H·W, C] */
const pixelsAsInputs = (b: Builder, map: Value): Value => {
  const [batch, channels, height, width] = map.type.shape as [number, number, number, number]
  return b.reshape({ x: b.transpose({ x: map, perm: [0, 2, 3, 1] }), shape: [batch, height * width, channels] })
}

/** Inputs beside the Fourier features of their places in a grid. [1, H·W, C] → [1, H·W, C + 258] */
const withFourier = (b: Builder, x: Value, grid: readonly [number, number], resolution: readonly [number, number]): Value =>
  b.concat({ values: [x, b.constant(fourierPositions(grid, BANDS, resolution))], axis: -1 })

/** Learned positions beside 256 channels of each pixel (`PerceiverForImageClassificationLearned`). [1, 3, S, S] → [1, S², 512] */
export function pixelsWithLearnedPositions(b: Builder, pixels: Value, w: Weights, { image_size }: PerceiverConfig): Value {
  const width = 256
  const at = w.at('input_preprocessor')
  const one = at.at('convnet_1x1')
  const map = b.in(one.path, () =>
    b.conv({
      x: pixels,
      weight: b.constant(one.tensor('weight', [width, 3, 1, 1])),
      bias: b.constant(one.tensor('bias', [width])),
      strides: [1, 1],
      pad: [0, 0, 0, 0],
      dilations: [1, 1],
    }),
  )
  const places = learned(b, at.at('position_embeddings').tensor('position_embeddings', [image_size ** 2, width]), 1)
  return b.concat({ values: [pixelsAsInputs(b, map), linear(b, places, at.at('positions_projection'), width)], axis: -1 })
}

/** Colours as they are (`PerceiverForImageClassificationFourier`). [1, 3, H, W] → [1, H·W, 261] */
export function pixelsWithFourierPositions(b: Builder, pixels: Value): Value {
  const [, , height, width] = pixels.type.shape as [number, number, number, number]
  return withFourier(b, pixelsAsInputs(b, pixels), [height, width], [224, 224])
}

/** A convolution leaves 3 of 5 pixels, which is one window of the pool. */
const LEAST_CONVOLVED = 5

/** A convolution and a pool, each of which halves the image (`PerceiverForImageClassificationConvProcessing`). [1, 3, H, W] → [1, h·w, 322] */
export function convolvedPixels(b: Builder, pixels: Value, w: Weights): Value {
  const [, , ...size] = pixels.type.shape as [number, number, number, number]
  if (Math.min(...size) < LEAST_CONVOLVED)
    throw errors.E_OPTION({
      option: 'image-size',
      problem: `of ${size.join('x')} pixels the pool leaves none; it takes ${LEAST_CONVOLVED}x${LEAST_CONVOLVED}`,
    })
  const width = 64
  const at = w.at('input_preprocessor.convnet')
  const conv = at.at('conv')
  const convolved = b.in(conv.path, () =>
    b.conv({
      x: pixels,
      weight: b.constant(conv.tensor('weight', [width, 3, 7, 7])),
      strides: [2, 2],
      pad_type: 'custom',
      pad: [3, 3, 3, 3],
      dilations: [1, 1],
    }),
  )
  const batch = at.at('batchnorm')
  const normal = b.in(batch.path, () => {
    const part = (name: string) => b.constant(batch.tensor(name, [width]))
    const [mean, variance] = [part('running_mean'), part('running_var')]
    return b.batch_norm({ x: convolved, mean, variance, gamma: part('weight'), beta: part('bias'), epsilon: EPSILON })
  })
  const map = b.max_pool({ x: b.relu({ x: normal }), kernel_sizes: [3, 3], strides: [2, 2], pad: [0, 0, 0, 0] })
  const [, , height, columns] = map.type.shape as [number, number, number, number]
  return withFourier(b, pixelsAsInputs(b, map), [height, columns], [56, 56])
}

/** Two frames, of each pixel its 3 × 3 neighbourhood in three colours. [1, 2, 27, H, W] → [1, H·W, 322] */
export function embedPatches(b: Builder, patches: Value, w: Weights, { train_size: [height, width] }: PerceiverConfig): Value {
  const [, frames, channels] = patches.type.shape as [number, number, number]
  const map = b.reshape({ x: patches, shape: [1, frames * channels, height, width] })
  const pixels = linear(b, pixelsAsInputs(b, map), w.at('input_preprocessor.conv_after_patches'), 64)
  return withFourier(b, pixels, [height, width], [height, width])
}

/** What the decoder gives is divided by this (`rescale_factor`). */
const FLOW_SCALE = 100

/** How far each pixel moves from one frame to the other: the inputs themselves attend to the latents. [1, H·W, 322] → [1, H, W, 2] */
export function predictFlow(b: Builder, inputs: Value, latents: Value, w: Weights, config: PerceiverConfig): Value {
  const [height, width] = config.train_size
  const at = w.at('decoder.decoder')
  const decoded = decode(b, inputs, latents, { ...oneHead(inputs, latents, config), residual: false }, at, config)
  const flow = linear(b, decoded, at.at('final_layer'), 2)
  return b.reshape({ x: b.real_div({ x: flow, y: b.scalar(FLOW_SCALE, flow) }), shape: [1, height, width, 2] })
}
