import type { DeployedTensor } from '../../manifest.ts'

/** Whether an input has a place for each token of one text: ids, what counts of them, what segment they belong to. */
export const isText = ({ role, shape, dtype }: Pick<DeployedTensor, 'role' | 'shape' | 'dtype'>): boolean =>
  (role === 'ids' || role === 'mask' || role === 'segments') && shape.length === 2 && shape[0] === 1 && dtype === 'int32'
