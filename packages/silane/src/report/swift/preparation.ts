import type { DeployedTensor } from '../../manifest.ts'
import { identifier } from './identifier.ts'

/** The Swift function that makes of a picture what this input reads. */
export const preparation = ({ name }: Pick<DeployedTensor, 'name'>): string => {
  const word = identifier(name)
  return `prepare${word.charAt(0).toUpperCase()}${word.slice(1)}`
}
