import { type Constant, castConstant, type NumericArray, room, sizeOf } from '@silane/core'

/** What LoRA adds to a weight [rows, …columns]: scale · left · right, left [rows, rank], right [rank, columns]. */
export interface LowRank {
  readonly left: Constant
  readonly right: Constant
  readonly scale: number
  /** The length of every row or column of the sum (DoRA), each of which is brought to it. */
  readonly magnitude?: { readonly of: 'rows' | 'columns'; readonly lengths: Constant } | undefined
}

/**
 * A weight with an adapter merged into it, as fp32. The small matrices are held while it is read, the weight is not. With
 * magnitudes it is read twice, since lengths are those of the sum.
 */
export function mergedWeight(base: Constant, { left, right, scale, magnitude }: LowRank): Constant {
  const { shape } = base
  const rows = shape[0] as number
  const columns = sizeOf(shape) / rows
  const rank = right.shape[0] as number
  const weight = castConstant(base, 'fp32')
  let factors: { readonly l: NumericArray; readonly r: NumericArray } | undefined
  /** Elements `start …` of the sum, in double precision. */
  const sum = (start: number, count: number): Float64Array => {
    factors ??= { l: whole(left), r: whole(right) }
    const { l, r } = factors
    const data = weight.read(start, count)
    const out = new Float64Array(count)
    for (let done = 0; done < count; ) {
      const from = (start + done) % columns
      const row = (start + done - from) / columns
      const length = Math.min(columns - from, count - done)
      for (let k = 0; k < rank; k++) {
        const factor = scale * Number(l[row * rank + k])
        for (let j = 0, at = k * columns + from; j < length; j++, at++) out[done + j] = (out[done + j] as number) + factor * Number(r[at])
      }
      for (let j = 0; j < length; j++) out[done + j] = (out[done + j] as number) + Number(data[done + j])
      done += length
    }
    return out
  }
  let stretch: Float64Array | undefined
  const stretches = (of: 'rows' | 'columns', lengths: Constant): Float64Array => {
    const squares = new Float64Array(of === 'rows' ? rows : columns)
    for (let row = 0; row < rows; row++) {
      const values = sum(row * columns, columns)
      for (let j = 0; j < columns; j++) {
        const at = of === 'rows' ? row : j
        squares[at] = (squares[at] as number) + (values[j] as number) ** 2
      }
    }
    const wanted = whole(lengths)
    return squares.map((square, i) => Number(wanted[i]) / Math.sqrt(square))
  }
  return {
    dtype: 'fp32',
    shape,
    id: `lora:${scale}[${shape}](${[base, left, right].map(part => part.id).join(',')})${magnitude ? `:${magnitude.of}(${magnitude.lengths.id})` : ''}`,
    read: (start, count, into) => {
      const values = sum(start, count)
      const out = room('fp32', count, into)
      if (!magnitude) {
        for (let i = 0; i < count; i++) out[i] = values[i] as number
        return out
      }
      stretch ??= stretches(magnitude.of, magnitude.lengths)
      for (let i = 0; i < count; i++) {
        const at = magnitude.of === 'rows' ? Math.floor((start + i) / columns) : (start + i) % columns
        out[i] = (values[i] as number) * (stretch[at] as number)
      }
      return out
    },
  }
}

/** All elements as fp32, in memory of their own: some constants lend theirs out again. */
const whole = (constant: Constant): NumericArray => castConstant(constant, 'fp32').read(0, sizeOf(constant.shape)).slice() as NumericArray
