import type { Builder } from '../../builder.ts'
import type { Op, Value } from '../../graph/graph.ts'
import type { Precision } from '../../plugin/target.ts'
import type { Layouts } from './layouts.ts'

export interface Lowering {
  readonly b: Builder
  readonly layout: Layouts
  readonly precision: Precision
  /** Vocabularies over the axis cap are computed in parts. */
  readonly splitHead: boolean
  /** The values that the graph gives. */
  readonly outputs: ReadonlySet<Value>
}

/** Lowers one op in places and says so with true; false leaves it to the plain layout. */
export type LayoutRule = (op: Op, lowering: Lowering) => boolean

export const resultOf = (op: Op): Value => op.outputs[0] as Value
