import { type Constant, castConstant, type NumericArray, room, sizeOf } from '@silane/core'

/**
 * A tensor times its scales, as fp32. Each axis of the scales has one for every element of the axis, for a block of `blocks[axis]`
 * elements, or for all of it (a block as long as the axis). `factor` is the format's own, 1/127 say; the product is rounded once.
 */
export function scaledTensor(base: Constant, scales: Constant, blocks: readonly number[], factor = 1): Constant {
  const { shape } = base
  const row = shape.at(-1) ?? 1
  const across = blocks.at(-1) ?? 1
  const counts = shape.map((dim, axis) => Math.ceil(dim / (blocks[axis] as number)))
  let values: NumericArray | undefined
  /** The first scale of a row of the tensor. */
  const first = (index: number): number => {
    let at = 0
    let stride = counts.at(-1) ?? 1
    for (let axis = shape.length - 2, rest = index; axis >= 0; axis--) {
      const dim = shape[axis] as number
      at += Math.floor((rest % dim) / (blocks[axis] as number)) * stride
      stride *= counts[axis] as number
      rest = Math.floor(rest / dim)
    }
    return at
  }
  return {
    dtype: 'fp32',
    shape,
    id: `scaled:${factor}/${blocks}[${shape}](${base.id},${scales.id})`,
    read: (start, count, into) => {
      values ??= castConstant(scales, 'fp32').read(0, sizeOf(scales.shape)).slice() as NumericArray
      const data = castConstant(base, 'fp32').read(start, count)
      const out = room('fp32', count, into)
      for (let done = 0; done < count; ) {
        const within = (start + done) % row
        const at = first((start + done - within) / row)
        const end = done + Math.min(row - within, count - done)
        for (let column = within; done < end; done++, column++)
          out[done] = Number(data[done]) * Number(values[at + Math.floor(column / across)]) * factor
      }
      return out
    },
  }
}

/** The block of each axis, where the scales fit the tensor: see `scaledTensor`. `given` are blocks of the last axes that the configuration names. */
export function blocksOf(shape: readonly number[], scales: readonly number[], given: readonly number[]): readonly number[] | undefined {
  if (sizeOf(scales) === 1) return shape
  // One for each row.
  if (scales.length === 1 && scales[0] === shape[0]) return shape.map((dim, axis) => (axis === 0 ? 1 : dim))
  if (scales.length !== shape.length) return undefined
  const blocks = shape.map((dim, axis) => {
    const count = scales[axis] as number
    if (count === dim) return 1
    if (count === 1) return dim
    const block = given[axis - shape.length + given.length]
    return block !== undefined && Math.ceil(dim / block) === count ? block : undefined
  })
  return blocks.every(block => block !== undefined) ? blocks : undefined
}
