import { allocate, arrayConstant, type DType, isFloat, type NumericArray, sizeOf, type Tensors } from '@silane/core'
import type { DeployedTensor } from '../manifest.ts'
import type { FunctionPorts } from './stage-calls.ts'

/**
 * Inputs for a comparison where nobody gave any, the same on every run: in turns one that fills the shape and one padded on the
 * right. What is legal, the ports of the inputs say.
 */
export const sampleInputs = (ports: Pick<FunctionPorts, 'inputs' | 'states'>, count = 2): readonly Tensors[] =>
  Array.from({ length: count }, (_, index) => sample(ports, index))

function sample({ inputs, states }: Pick<FunctionPorts, 'inputs' | 'states'>, index: number): Tensors {
  // What a state holds before the call is an input of the comparison.
  return Object.fromEntries([...inputs, ...states].map((input, position) => [input.name, fill(input, index, position)]))
}

/** Element types by the names that silane.json has for them. */
const dtypes: Readonly<Record<string, DType>> = { float32: 'fp32', float16: 'fp16', int64: 'int32', int32: 'int32', bool: 'bool' }

/** Where nothing says how large an integer may be: a segment, or a flag. */
const FEWEST = 2

function fill({ dtype: named, shape, role, below, values, image }: DeployedTensor, index: number, position: number) {
  const dtype = dtypes[named] ?? 'fp32'
  const random = generator(index * 1009 + position * 31 + 7)
  const data = allocate(dtype, sizeOf(shape))
  const length = shape.at(-1) ?? 1
  if (role === 'mask' && values === undefined) fillMask(data, length, index)
  else if (role === 'positions') fillWith(data, at => (at % length) % (below ?? length))
  else if (values) fillWith(data, () => values[Math.floor(random() * values.length)] as number)
  // Pixels as an app has them, 0 to 255, normalised.
  else if (image) {
    const [, channels = 1, height = 1, width = 1] = shape
    const channel = (at: number) => Math.floor(at / (height * width)) % channels
    fillWith(data, at => Math.floor(random() * 256) * (image.scale[channel(at)] ?? 1) + (image.bias[channel(at)] ?? 0))
  } else if (role === 'points' || role === 'box') fillWith(data, () => random() * (below ?? 1))
  else if (isFloat(dtype)) fillNormal(data, random)
  else fillWith(data, () => Math.floor(random() * (below ?? FEWEST)))
  return arrayConstant(dtype, shape, data)
}

/** Every second sample has padding: a quarter of the row, at least one where there is room. */
function fillMask(data: NumericArray, length: number, index: number): void {
  const real = index % 2 === 0 || length < 2 ? length : length - Math.max(1, Math.floor(length / 4))
  fillWith(data, at => (at % length < real ? 1 : 0))
}

function fillWith(data: NumericArray, element: (at: number) => number): void {
  for (let at = 0; at < data.length; at++) {
    if (data instanceof BigInt64Array) data[at] = BigInt(element(at))
    else data[at] = element(at)
  }
}

/** mulberry32: small, fast, and equal everywhere. */
function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Numbers drawn for one tensor at most: a cache has millions, and more of them say no more. A prime, so that rows do not repeat in step. */
const DRAWN = 65521

function fillNormal(data: NumericArray, random: () => number): void {
  const drawn = Math.min(data.length, DRAWN)
  for (let at = 0; at < drawn; at++) data[at] = gaussian(random)
  for (let at = drawn; at < data.length; at += drawn) data.copyWithin(at, 0, Math.min(drawn, data.length - at))
}

const gaussian = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
