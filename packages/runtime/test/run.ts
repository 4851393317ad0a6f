import {
  type Builder as B,
  Builder,
  type Constant,
  castArray,
  type DType,
  denseConstant,
  type Graph,
  type Tensors,
  type Value,
} from '@silane/core'

export function graphOf(body: (b: B) => Readonly<Record<string, Value>>, name = 'main'): Graph {
  const b = new Builder(name)
  return b.finish(body(b))
}

export const tensor = (dtype: DType, shape: readonly number[], ...elements: number[]): Constant =>
  denseConstant(dtype, shape, castArray(Float64Array.from(elements), 'fp64', dtype))

/** All elements, as numbers. */
export const elements = (constant: Constant | undefined): number[] => {
  if (!constant) throw new TypeError('there is no such output')
  const count = constant.shape.reduce((product, dim) => product * dim, 1)
  return Array.from(constant.read(0, count), Number)
}

export const typeOf = ({ dtype, shape }: Constant): string => `${dtype}[${shape}]`

export const outputsOf = (results: Tensors): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(results).map(([name, constant]) => [name, typeOf(constant)]))
