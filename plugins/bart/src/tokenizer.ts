import { separatedBytePairs, type TokenizerSource } from '@silane/core'

/** What checkpoints of BART tokenize with, in their folder or in another model's. Its mask is looked for in normalized text. */
export const bartTokenizer = (place: Pick<TokenizerSource, 'folder'> = {}): TokenizerSource =>
  separatedBytePairs(['BartTokenizer', 'RobertaTokenizer'], { normalized: true }, place)
