import { join } from 'node:path'
import { errors } from '../errors.ts'
import { readFolderJson } from '../folder-json.ts'

/**
 * The tokenizer of a folder, or undefined where it has none. A model of several has one in each of its sub-folders, such as
 * `question_encoder_tokenizer`. Throws E_FOLDER_FILE.
 */
export async function openTokenizer(folder: string, within = '') {
  const file = join(within, 'tokenizer.json')
  const tokenizer = readFolderJson(folder, file)
  if (!tokenizer) return undefined
  const { Tokenizer } = await import('@huggingface/tokenizers')
  const { alignFile, alignTokenizer } = await import('../tokenizers/align-tokenizer.ts')
  // Where nothing is said of spaces, transformers leaves them, and the library would not.
  const config = { clean_up_tokenization_spaces: false, ...readFolderJson(folder, join(within, 'tokenizer_config.json')) }
  try {
    const made = new Tokenizer(alignFile(tokenizer), config)
    alignTokenizer(made, tokenizer)
    return made
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw errors.E_FOLDER_FILE({ file, problem: `the tokenizers library refuses it (${problem})`, where: folder }, { cause })
  }
}
