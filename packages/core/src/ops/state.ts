import { defineOp, one, required } from '../op-definition.ts'
import { demand, sameShape, sameType } from './shapes.ts'

/** Constants and tensors that live across calls. */
export const state = {
  const: defineOp({
    doc: 'a constant tensor',
    operands: {},
    attributes: { val: required('constant') },
    traits: { selects: true },
    infer: (_, { val }) => ({ dtype: val.dtype, shape: val.shape }),
  }),
  read_state: defineOp({
    doc: 'what a state holds now',
    operands: { input: one },
    attributes: {},
    since: 8,
    effect: true,
    traits: { selects: true },
    infer: ({ input }) => input,
  }),
  write_state: defineOp({
    doc: 'replaces what a state holds',
    operands: { input: one, data: one },
    attributes: {},
    since: 8,
    effect: true,
    traits: { several: true },
    infer: ({ input, data }) => {
      sameType(input, data)
      demand(sameShape(input.shape, data.shape), () => `[${data.shape}] written to a state of [${input.shape}]`)
      return []
    },
  }),
}
