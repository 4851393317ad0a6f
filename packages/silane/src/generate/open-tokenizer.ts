import { errors } from '../errors.ts'
import { readFolderJson } from '../folder-json.ts'

/** The tokenizer of a folder, or undefined where it has none. Throws E_FOLDER_FILE. */
export async function openTokenizer(folder: string) {
  const file = 'tokenizer.json'
  const tokenizer = readFolderJson(folder, file)
  if (!tokenizer) return undefined
  const { Tokenizer } = await import('@huggingface/tokenizers')
  const config = readFolderJson(folder, 'tokenizer_config.json') ?? {}
  try {
    return new Tokenizer(tokenizer, config)
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw errors.E_FOLDER_FILE({ file, problem: `the tokenizers library refuses it (${problem})`, where: folder }, { cause })
  }
}
