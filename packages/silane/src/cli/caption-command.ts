import { askImage, type Caption, type CaptionOptions, caption } from '../pictures/caption.ts'
import { terminal } from './terminal.ts'

export interface CaptionFlags extends Pick<CaptionOptions, 'from' | 'ids' | 'maxNewTokens' | 'beams'> {
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** `silane caption`. */
export const captionCommand = async (folder: string, image: string, { text, ...flags }: CaptionFlags & { readonly text?: string }) =>
  print(await caption({ ...request(folder, image, flags), text }), flags)

/** `silane ask-image`. */
export const askImageCommand = async (
  folder: string,
  image: string,
  { question, ...flags }: CaptionFlags & { readonly question?: string },
) => print(await askImage({ ...request(folder, image, flags), question }), flags)

const request = (folder: string, image: string, { plugin, json: _, ...choices }: CaptionFlags) => ({
  folder,
  image,
  plugins: plugin,
  ...choices,
})

function print(result: Caption, { json }: CaptionFlags): number {
  if (json) terminal.document(result)
  else {
    for (const note of result.notes) terminal.note(note)
    terminal.result(result.text?.trim() ?? result.tokens.join(' '))
  }
  return 0
}
