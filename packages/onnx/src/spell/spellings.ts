import { elementwise } from './elementwise.ts'
import { linearAlgebra } from './linear-algebra.ts'
import { movement } from './movement.ts'
import { normalization } from './normalization.ts'
import type { Spellings } from './spelling.ts'

/**
 * How each op is written in ONNX, by kind. `const`, `read_state` and `write_state` are no nodes: the writer keeps them
 * itself. Composites are taken apart before.
 */
export const spellings: Spellings = { ...elementwise, ...linearAlgebra, ...movement, ...normalization }
