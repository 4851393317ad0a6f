import { join } from 'node:path'
import { errors } from '../errors.ts'
import { readFolderJson } from '../folder-json.ts'
import { uncheckedParts } from '../tokenizers/checked-parts.ts'
import { growthOf } from '../tokenizers/growth-of.ts'
import { type TokenizerThread, tokenizerThread } from './tokenizer-thread.ts'

/** Tokenizers put one character for another, or a few for one. A copy that doubles again and again cannot be stopped in the middle of a step. */
const MOST_GROWTH = 1000

/** A tokenizer of a folder. */
export interface OpenTokenizer extends TokenizerThread {
  /** Why its ids may not be the original's. */
  readonly notes: readonly string[]
}

/**
 * The tokenizer of a folder, or undefined where it has none. A model of several has one in each of its sub-folders, such as
 * `question_encoder_tokenizer`. It runs in a thread, which `close` ends. Throws E_FOLDER_FILE and E_TOKENIZER_LIMIT.
 */
export async function openTokenizer(folder: string, within = ''): Promise<OpenTokenizer | undefined> {
  const file = join(within, 'tokenizer.json')
  const tokenizer = readFolderJson(folder, file)
  if (!tokenizer) return undefined
  const growth = growthOf(tokenizer.normalizer)
  if (growth > MOST_GROWTH) {
    const problem = `its replacements could make a text ${growth.toPrecision(3)} times as long; the limit is ${MOST_GROWTH}`
    throw errors.E_FOLDER_FILE({ file, problem, where: folder })
  }
  // Where nothing is said of spaces, transformers leaves them, and the library would not.
  const config = { clean_up_tokenization_spaces: false, ...readFolderJson(folder, join(within, 'tokenizer_config.json')) }
  const note = uncheckedParts(tokenizer)
  const notes = note === undefined ? [] : [`${file}: ${note}`]
  return { ...(await tokenizerThread({ tokenizer, config }, { file, where: folder })), notes }
}
