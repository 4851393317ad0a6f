import type { DeployedTensor } from '../../manifest.ts'

/** Whether an input comes from another call as a rule: it is passed on as it is, since it may be large. */
export const isHanded = ({ role }: Pick<DeployedTensor, 'role'>): boolean =>
  role === 'vectors' || role === 'cache' || role === 'cross' || role === 'hidden'
