import { allFinite, type Constant, type NonFinite } from '@silane/core'
import type { WrittenProgram } from '../convert/build-manifest.ts'
import { ONNX_FOLDER } from '../convert/plan-deployment.ts'

/** How many tensors are named. */
const SHOWN = 8

interface Found extends NonFinite {
  /** The package, or the folder of the ONNX files. */
  readonly place: string
}

interface Described {
  /** What the conversion made infinite. */
  readonly misses: readonly string[]
  /** What was infinite or NaN before. */
  readonly warnings: readonly string[]
}

/**
 * Says what was written and is no number. What was one until it was written is a miss; what the checkpoint holds like that is a
 * warning, since the original has it too; infinities that a graph has by design, with no tensor behind them, are nothing to say.
 * Tensors are looked at only where something was found that they are part of.
 */
export function describeNonFinite(written: readonly WrittenProgram[], tensors: ReadonlyMap<string, Constant>): Described {
  const found: readonly Found[] = written.flatMap(({ packages, onnxNonFinite }) => [
    ...[...packages].flatMap(([path, { nonFinite }]) => nonFinite.map(one => ({ ...one, place: path }))),
    ...onnxNonFinite.map(one => ({ ...one, place: ONNX_FOLDER })),
  ])
  const finite = new Map<string, boolean>()
  const isWhole = (tensor: Constant): boolean => {
    const known = finite.get(tensor.id) ?? allFinite(tensor)
    finite.set(tensor.id, known)
    return known
  }
  const spoilt = new Set<string>()
  const misses = found.flatMap(one => {
    const sources = [...tensors].filter(([, { id }]) => one.id.includes(id))
    // Only what the last narrowing does not explain needs the checkpoint.
    const bad = one.elements > one.overflowed ? sources.filter(([, tensor]) => !isWhole(tensor)) : []
    for (const [name] of bad) spoilt.add(name)
    // Where all tensors are finite it was an earlier step: fp64 that does not fit fp32, or a product of weights.
    const overflowed = sources.length > 0 && bad.length === 0 ? one.elements : one.overflowed
    return overflowed > 0 ? [miss({ ...one, overflowed }, sources)] : []
  })
  return { misses, warnings: spoilt.size > 0 ? [warning([...spoilt])] : [] }
}

function miss({ place, constant, dtype, overflowed }: Found, sources: readonly (readonly [string, Constant])[]): string {
  const from = sources.length > 0 ? ` (${list(sources.map(([name]) => name))})` : ''
  const next = dtype === 'fp16' ? `; --precision fp32 keeps ${overflowed === 1 ? 'it' : 'them'}` : ''
  return `${place}: ${overflowed} ${overflowed === 1 ? 'element' : 'elements'} of ${constant}${from} became infinite in ${dtype}${next}`
}

const warning = (names: readonly string[]): string =>
  `${names.length === 1 ? 'one tensor of the checkpoint holds' : `${names.length} tensors of the checkpoint hold`} infinities or NaN, in the original too: ${list(names)}`

const list = (names: readonly string[]): string =>
  names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '')
