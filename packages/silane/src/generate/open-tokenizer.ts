import { join } from 'node:path'
import { readFolderJson } from '../folder-json.ts'
import { type TokenizerThread, tokenizerThread } from './tokenizer-thread.ts'

/**
 * The tokenizer of a folder, or undefined where it has none. A model of several has one in each of its sub-folders, such as
 * `question_encoder_tokenizer`. It runs in a thread, which `close` ends. Throws E_FOLDER_FILE and E_TOKENIZER_LIMIT.
 */
export async function openTokenizer(folder: string, within = ''): Promise<TokenizerThread | undefined> {
  const file = join(within, 'tokenizer.json')
  const tokenizer = readFolderJson(folder, file)
  if (!tokenizer) return undefined
  // Where nothing is said of spaces, transformers leaves them, and the library would not.
  const config = { clean_up_tokenization_spaces: false, ...readFolderJson(folder, join(within, 'tokenizer_config.json')) }
  return tokenizerThread({ tokenizer, config }, { file, where: folder })
}
