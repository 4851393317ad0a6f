import type { Builder } from '../builder.ts'
import type { Op, Value } from '../graph/graph.ts'

/**
 * A rewrite rule: when an op of kind `on` is about to be emitted, `rewrite` may return what replaces its
 * outputs, made with the builder, or nothing. Operands are already rewritten, so a rule looks upward
 * through `value.producer`. What becomes unused is dropped at the end.
 */
export interface Rule {
  readonly name: string
  /** Why it is right and what it is good for, in one line. */
  readonly why: string
  readonly on: string | readonly string[]
  rewrite(op: Op, builder: Builder): Value | readonly Value[] | undefined
}
