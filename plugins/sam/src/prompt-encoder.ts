import { activate, type Builder, type Constant, computedConstant, readAll, reshapeConstant, type Value, type Weights } from '@silane/core'
import type { PromptConfig } from './config.ts'
import { channelNorm, convolution } from './feature-map.ts'

/**
 * What points, boxes and masks become (transformers `SamPromptEncoder`). Shapes: P points, C channels, F = C/2 frequencies, G patches
 * along the picture. `w` are the tensors below `prompt_encoder`, `frequencies` the matrix [2, F] of random Fourier features.
 */

/** Labels of points, besides 1 for what is meant and 0 for what is not. */
export const NOT_A_POINT = -1
export const PADDING = -10
/** Ours: a place that no point takes. It is no key to anything, so that a shorter prompt comes out as if it had been asked for alone. */
export const ABSENT = -2

/** sin and cos of 2π·(2c − 1)·F for coordinates c of 0 to 1. They reach tens of turns, of which fp16 would keep too little: exact. [1, N, 2] → [1, N, C] */
function fourier(b: Builder, coordinates: Value, frequencies: Constant): Value {
  const [, count] = coordinates.type.shape as [number, number, number]
  const [, width] = frequencies.shape as [number, number]
  return b.exact(() => {
    const centered = b.sub({ x: b.mul({ x: coordinates, y: b.scalar(2, coordinates) }), y: b.scalar(1, coordinates) })
    // Two terms: a product of matrices would be free to round them.
    const term = (axis: number): Value =>
      b.mul({
        x: b.slice_by_index({ x: centered, begin: [0, 0, axis], end: [1, count, axis + 1] }),
        y: b.slice_by_index({ x: b.constant(frequencies), begin: [axis, 0], end: [axis + 1, width] }),
      })
    const turns = b.mul({ x: b.add({ x: term(0), y: term(1) }), y: b.scalar(2 * Math.PI, centered) })
    return b.concat({ values: [b.sin({ x: turns }), b.cos({ x: turns })], axis: -1 })
  })
}

/** Pixels of the frame, whose middles count, to coordinates of 0 to 1. */
const normalized = (b: Builder, pixels: Value, size: number): Value =>
  b.exact(() => b.mul({ x: b.add({ x: pixels, y: b.scalar(0.5, pixels) }), y: b.scalar(1 / size, pixels) }))

const embeddingRow = (b: Builder, w: Weights, width: number): Value =>
  b.constant(reshapeConstant(w.tensor('weight', [1, width]), [1, 1, width]))

/**
 * points [1, 1, P, 2], labels int32 [1, 1, P] → [1, P, C]. What is neither a point nor padding has its place, and a vector for its label:
 *
 *     e = [L ≠ −1 and L ≠ −10]·PE + [L = −1]·not_a_point + [L = 0]·point₀ + [L = 1]·point₁
 */
export function embedPoints(
  b: Builder,
  points: Value,
  labels: Value,
  frequencies: Constant,
  size: number,
  w: Weights,
  config: PromptConfig,
): Value {
  const count = labels.type.shape[2] as number
  const { hidden_size: width } = config
  const places = fourier(b, normalized(b, b.reshape({ x: points, shape: [1, count, 2] }), size), frequencies)
  const columns = b.reshape({ x: labels, shape: [1, count, 1] })
  const is = (label: number): Value => b.cast({ x: b.equal({ x: columns, y: b.scalar(label, columns) }), dtype: 'fp32' })
  const shown = b.sub({ x: b.scalar(1, places), y: b.add({ x: is(NOT_A_POINT), y: is(PADDING) }) })
  const vector = (label: number, at: Weights): Value => b.mul({ x: is(label), y: embeddingRow(b, at, width) })
  return [
    vector(NOT_A_POINT, w.at('not_a_point_embed')),
    vector(0, w.at('point_embed').at(0)),
    vector(1, w.at('point_embed').at(1)),
  ].reduce((sum, term) => b.add({ x: sum, y: term }), b.mul({ x: places, y: shown }))
}

/** The token that stands for "no box" behind the points. [1, 1, C] */
export const noBox = (b: Builder, w: Weights, { hidden_size }: PromptConfig): Value =>
  embeddingRow(b, w.at('not_a_point_embed'), hidden_size)

/** boxes [1, 1, 4], x and y of two corners → [1, 2, C] */
export function embedBoxes(
  b: Builder,
  boxes: Value,
  frequencies: Constant,
  size: number,
  w: Weights,
  { hidden_size: width }: PromptConfig,
): Value {
  const corners = fourier(b, normalized(b, b.reshape({ x: boxes, shape: [1, 2, 2] }), size), frequencies)
  const kinds = b.concat({ values: [2, 3].map(corner => embeddingRow(b, w.at('point_embed').at(corner), width)), axis: 1 })
  return b.add({ x: corners, y: kinds })
}

/** A mask at four times the resolution of the patches, as what comes out. [1, 1, 4G, 4G] → [1, C, G, G] */
export function embedMasks(b: Builder, masks: Value, w: Weights, config: PromptConfig): Value {
  const { mask_input_channels: channels, hidden_act, layer_norm_eps, hidden_size } = config
  const halved = (x: Value, conv: string, norm: string, out: number): Value =>
    activate(b, hidden_act, channelNorm(b, convolution(b, x, w.at(conv), out, { kernel: 2, stride: 2 }), w.at(norm), layer_norm_eps))
  return b.in(w.path, () => {
    const half = halved(masks, 'conv1', 'layer_norm1', channels / 4)
    const quarter = halved(half, 'conv2', 'layer_norm2', channels)
    return convolution(b, quarter, w.at('conv3'), hidden_size, { kernel: 1 })
  })
}

/** What stands in place of a mask, the same everywhere. [1, C, 1, 1] */
export const noMask = (b: Builder, w: Weights, { hidden_size }: PromptConfig): Value =>
  b.constant(reshapeConstant(w.at('no_mask_embed').tensor('weight', [1, hidden_size]), [1, hidden_size, 1, 1]))

/** Where each patch stands: features of its middle, row by row, a constant. [1, G², C] */
export function imagePositions(frequencies: Constant, grid: number): Constant {
  const width = frequencies.shape[1] as number
  let matrix: ReturnType<typeof readAll> | undefined
  const turns = (patch: number, feature: number): number => {
    matrix ??= readAll(frequencies)
    const [x, y] = [patch % grid, Math.floor(patch / grid)].map(at => (2 * (at + 0.5)) / grid - 1) as [number, number]
    return 2 * Math.PI * (x * Number(matrix[feature]) + y * Number(matrix[width + feature]))
  }
  return computedConstant('fp32', [1, grid * grid, 2 * width], `image-positions:${grid}(${frequencies.id})`, at => {
    const [patch, channel] = [Math.floor(at / (2 * width)), at % (2 * width)]
    return channel < width ? Math.sin(turns(patch, channel)) : Math.cos(turns(patch, channel - width))
  })
}
