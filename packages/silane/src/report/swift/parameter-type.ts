import type { DeployedTensor } from '../../manifest.ts'
import { isHanded } from './is-handed.ts'
import { scalar } from './scalar.ts'

/** What Swift passes for an input. */
export function parameterType(input: DeployedTensor): string {
  if (input.image?.picture) return 'CVPixelBuffer'
  return isHanded(input) ? 'MLMultiArray' : `[${scalar(input)}]`
}
