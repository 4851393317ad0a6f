import { type Checkpoint, isJsonObject, isSilaneError } from '@silane/core'
import { uncheckedParts } from './checked-parts.ts'

/** For the report: tokenizers that a checkpoint brought whose ids may not be the original's, or that cannot be read. */
export function notesOnTokenizers(checkpoint: Checkpoint, files: readonly string[]): readonly string[] {
  const noteOn = (file: string): string | undefined => {
    try {
      const tokenizer = checkpoint.json(file)
      return isJsonObject(tokenizer) ? uncheckedParts(tokenizer) : 'it is no JSON object, and no text can be read with it'
    } catch (error) {
      // It is copied all the same: no number of the programs depends on it.
      if (!isSilaneError(error)) throw error
      return error.what
    }
  }
  return files.flatMap(file => {
    const note = noteOn(file)
    return note === undefined ? [] : [`${file}: ${note}`]
  })
}
