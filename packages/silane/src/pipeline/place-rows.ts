import { arrayConstant, type Constant, readAll, sizeOf } from '@silane/core'
import { errors } from '../errors.ts'

/** What stands in the places of an id: rows [1, N, C], from one of them on. */
export interface PlacedRows {
  readonly id: number
  readonly rows: Constant
  readonly from: number
}

/** How many of these ids are this one. */
export const countOf = (ids: Constant, id: number): number => Array.from(readAll(ids), Number).filter(each => each === id).length

/** Vectors [1, S, C] with rows in the places where ids int32 [1, S] are `id`, in order. Throws E_PIPELINE where there are not enough, or others. */
export function placeRows(ids: Constant, vectors: Constant, { id, rows, from }: PlacedRows): Constant {
  const width = vectors.shape[2] as number
  const count = rows.shape[1] as number
  if (rows.shape[2] !== width) throw errors.E_PIPELINE({ problem: `rows of ${rows.shape[2]} cannot stand among vectors of ${width}` })
  const data = Float32Array.from(readAll(vectors), Number)
  let next = from
  for (const [place, each] of Array.from(readAll(ids), Number).entries()) {
    if (each !== id) continue
    if (next >= count)
      throw errors.E_PIPELINE({ problem: `there are more than ${count} places for the ${count} rows, which ids of ${id} mark` })
    data.set(Float32Array.from(rows.read(next * width, width), Number), place * width)
    next++
  }
  return arrayConstant('fp32', vectors.shape, data.subarray(0, sizeOf(vectors.shape)))
}
