import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The tokenizer of a folder, or undefined where it has none. */
export async function openTokenizer(folder: string) {
  const [tokenizer, config] = ['tokenizer.json', 'tokenizer_config.json'].map(name => join(folder, name)) as [string, string]
  if (!existsSync(tokenizer)) return undefined
  const { Tokenizer } = await import('@huggingface/tokenizers')
  const read = (file: string): object => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {})
  return new Tokenizer(read(tokenizer), read(config))
}
