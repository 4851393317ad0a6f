import type { DeployedTensor } from '../../manifest.ts'
import type { PictureInput } from './picture-code.ts'

/** Whether an input takes pixels that Swift knows how to make of one picture. */
export const isPictureInput = <T extends DeployedTensor>(input: T): input is T & PictureInput => {
  const [batch, channels] = input.shape
  return batch === 1 && channels === 3 && input.image?.steps !== undefined && input.image.color !== 'gray'
}
