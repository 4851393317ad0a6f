import { isSilaneError, type Json, parseJson } from '@silane/core'

/** What a text of JSON says, or what is wrong with it, for a sentence about a part of a file. */
export function jsonOf(text: string): { readonly value: Json } | { readonly problem: string } {
  try {
    return { value: parseJson(Buffer.from(text), { file: '', where: '' }) }
  } catch (error) {
    if (!isSilaneError(error)) throw error
    return {
      problem: error.code === 'E_JSON_LIMIT' ? 'it is JSON beyond what is read: nested too deep, or too many values' : 'it is no JSON',
    }
  }
}
