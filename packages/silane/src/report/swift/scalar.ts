import type { DeployedTensor } from '../../manifest.ts'

const scalars: Readonly<Record<string, string>> = { int32: 'Int32', float16: 'Float16', float32: 'Float' }

/** The Swift type of a tensor's elements. */
export const scalar = ({ dtype }: Pick<DeployedTensor, 'dtype'>): string => scalars[dtype] ?? 'Float'
