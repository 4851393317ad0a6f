/** What a tokenizer consists of. */
const TOKENIZER: readonly RegExp[] = [
  /^(?:tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$/,
  /^(?:vocab|merges|bpe\.codes|dict)\.txt$/,
  /^chat_template\.jinja$/,
  /^(?:spiece|tokenizer|sentencepiece(?:\.bpe)?|source|target)\.(?:model|spm)$/,
]

/** Files beside the weights that a tokenizer, a processor or an embedding pipeline needs. */
const NAMES: readonly RegExp[] = [
  ...TOKENIZER,
  /^(?:config|generation_config)\.json$/,
  /^(?:preprocessor_config|processor_config|image_processor_config|video_preprocessor_config)\.json$/,
  // sentence-transformers: the modules and their settings. Weights of a dense module are in the program.
  /^(?:modules|sentence_[a-z]+_config|config_sentence_transformers)\.json$/,
  /^\d+_[A-Za-z]+\/config\.json$/,
]

/** A model of several, each with a tokenizer of its own, keeps these in folders that say so. */
const TOKENIZER_FOLDER = /^(?:\w+[_-])?tokenizer(?:_\d+)?\//

const isCompanion = (file: string): boolean => {
  const [folder] = TOKENIZER_FOLDER.exec(file) ?? []
  return folder === undefined ? matches(file, NAMES) : matches(file.slice(folder.length), TOKENIZER)
}

const matches = (file: string, names: readonly RegExp[]): boolean => names.some(pattern => pattern.test(file))

/** Those files of a checkpoint that are copied unchanged into the output folder. */
export const companionFiles = (files: readonly string[]): string[] => files.filter(isCompanion)
