import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { errors } from './errors.ts'

/** Files of SentencePiece, of which no tokenizer.json is made. */
const BINARY = ['spiece.model', 'sentencepiece.bpe.model', 'tokenizer.model']

/** Why a folder has no tokenizer, for whoever needs one: E_NO_TOKENIZER. */
export function missingTokenizer(folder: string, within = ''): Error {
  const where = join(folder, within)
  return errors.E_NO_TOKENIZER({ where, binary: BINARY.find(file => existsSync(join(where, file))) })
}
