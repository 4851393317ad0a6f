import { type movement as ops, slicedShape } from '../ops/movement.ts'
import { alongAxis, at, type Elements, fill, positive, range, type SemanticsOf, type Tensor } from './tensor.ts'

const same = ({ x }: { readonly x: Tensor }): Elements => x.data

/** The place in [0, size) that padding shows. */
const padded: Readonly<Record<string, (i: number, size: number) => number>> = {
  constant: i => i,
  replicate: (i, size) => Math.min(Math.max(i, 0), size - 1),
  reflect: (i, size) => (i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i),
}

/** What ops that only move elements give. */
export const movement: SemanticsOf<typeof ops> = {
  transpose: ({ x }, { perm }, shape) =>
    fill(shape, index =>
      at(
        x,
        perm.map((_, axis) => index[perm.indexOf(axis)] as number),
      ),
    ),
  reshape: same,
  expand_dims: same,
  squeeze: same,
  concat: ({ values }, { axis }, shape) => {
    const along = positive(axis, shape.length)
    const places = values.flatMap(value => range(value.shape[along] as number).map(i => ({ value, i })))
    return fill(shape, index => {
      const { value, i } = places[index[along] as number] as (typeof places)[0]
      return at(value, index.with(along, i))
    })
  },
  stack: ({ values }, { axis }, shape) => {
    const along = positive(axis, shape.length)
    return fill(shape, index => at(values[index[along] as number] as Tensor, index.toSpliced(along, 1)))
  },
  split: ({ x }, { axis, split_sizes }) => {
    let from = 0
    return split_sizes.map(size => {
      from += size
      return alongAxis(x, axis, line => line.slice(from - size, from))
    })
  },
  slice_by_index: ({ x }, a) => {
    const parts = slicedShape(x.shape, a.begin, a.end, a.stride, a.begin_mask, a.end_mask, a.squeeze_mask)
    return fill(
      parts.map(part => part.size),
      index =>
        at(
          x,
          parts.map((part, axis) => part.begin + (index[axis] as number) * part.stride),
        ),
    )
  },
  slice_update: ({ x, update, begin }, _, shape) =>
    fill(shape, index => {
      const inner = index.map((i, axis) => i - (begin.data[axis] as number))
      return inner.every((i, axis) => i >= 0 && i < (update.shape[axis] as number)) ? at(update, inner) : at(x, index)
    }),
  tile: ({ x }, _, shape) =>
    fill(shape, index =>
      at(
        x,
        index.map((i, axis) => i % (x.shape[axis] as number)),
      ),
    ),
  pad: ({ x }, { pad, mode, constant_val }, shape) => {
    const first = x.shape.length - pad.length / 2
    const place = padded[mode] as (typeof padded)[string]
    return fill(shape, index => {
      const from = index.map((i, axis) => (axis < first ? i : place(i - (pad[2 * (axis - first)] as number), x.shape[axis] as number)))
      return from.every((i, axis) => i >= 0 && i < (x.shape[axis] as number)) ? at(x, from) : constant_val
    })
  },
  reverse: ({ x }, { axes }, shape) => {
    const turned = new Set(axes.map(axis => positive(axis, shape.length)))
    return fill(shape, index =>
      at(
        x,
        index.map((i, axis) => (turned.has(axis) ? (shape[axis] as number) - 1 - i : i)),
      ),
    )
  },
  gather: ({ x, indices }, { axis, batch_dims }, shape) => {
    const along = positive(axis, x.shape.length)
    const width = indices.shape.length - batch_dims
    return fill(shape, index => {
      const chosen = at(indices, [...index.slice(0, batch_dims), ...index.slice(along, along + width)])
      return at(x, [...index.slice(0, along), positive(chosen, x.shape[along] as number), ...index.slice(along + width)])
    })
  },
  gather_along_axis: ({ x, indices }, { axis }, shape) => {
    const along = positive(axis, shape.length)
    return fill(shape, index => at(x, index.with(along, positive(at(indices, index), x.shape[along] as number))))
  },
  gather_nd: ({ x, indices }, { batch_dims }, shape) => {
    const depth = indices.shape.at(-1) as number
    const lead = indices.shape.length - 1
    return fill(shape, index => {
      const chosen = range(depth).map(i => positive(at(indices, [...index.slice(0, lead), i]), x.shape[batch_dims + i] as number))
      return at(x, [...index.slice(0, batch_dims), ...chosen, ...index.slice(lead)])
    })
  },
}
