import { arrayConstant, type Constant, own, readAll, sizeOf, type Tensors } from '@silane/core'
import { errors } from '../errors.ts'
import type { Decode } from '../pipeline/run-pipeline.ts'

/**
 * Gives the scores of a whole sequence as an application gets them: the first half through long calls, the rest token by token, over a
 * cache that starts empty.
 */
export const scoreTokens: Decode = async (decoder, { entry }, things) => {
  const names = typeof entry === 'string' ? [entry] : decoder.entries
  const tokens = names.map(name => own(things, name)).find(thing => thing !== undefined)
  if (!tokens) throw errors.E_PIPELINE({ problem: `there is no ${names.map(name => `"${name}"`).join(' or ')} to decode` })
  const length = tokens.shape[1] ?? 0
  const half = Math.max(1, Math.ceil(length / 2))
  const rows: Tensors[] = []
  let state = decoder.start()
  for (let at = 0; at < length; at += at === 0 ? half : 1) {
    const read = await decoder.score(state, between(tokens, at, at === 0 ? half : at + 1))
    rows.push(read.outputs)
    state = read.state
  }
  return Object.fromEntries(Object.keys(rows[0] ?? {}).map(output => [output, joined(rows.flatMap(row => own(row, output) ?? []))]))
}

/** Columns `from … to − 1` of [1, T, …]. */
function between(tensor: Constant, from: number, to: number): Constant {
  const row = sizeOf(tensor.shape.slice(2))
  return arrayConstant(tensor.dtype, [1, to - from, ...tensor.shape.slice(2)], tensor.read(from * row, (to - from) * row))
}

/** Rows [1, T, V] one after the other. */
function joined(rows: readonly Constant[]): Constant {
  const data = rows.flatMap(row => Array.from(readAll(row), Number))
  const length = rows.reduce((sum, row) => sum + (row.shape[1] ?? 0), 0)
  return arrayConstant('fp32', [1, length, data.length / length], Float32Array.from(data))
}
