/** Files beside the weights that a tokenizer, a processor or an embedding pipeline needs. */
const NAMES: readonly RegExp[] = [
  /^(?:config|generation_config)\.json$/,
  /^(?:tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$/,
  /^(?:vocab|merges|bpe\.codes|dict)\.txt$/,
  /^chat_template\.jinja$/,
  /^(?:spiece|tokenizer|sentencepiece(?:\.bpe)?|source|target)\.(?:model|spm)$/,
  /^(?:preprocessor_config|processor_config|image_processor_config|video_preprocessor_config)\.json$/,
  // sentence-transformers: the modules and their settings. Weights of a dense module are in the program.
  /^(?:modules|sentence_[a-z]+_config|config_sentence_transformers)\.json$/,
  /^\d+_[A-Za-z]+\/config\.json$/,
  // RAG keeps its two tokenizers in folders.
  /^[a-z_]+_tokenizer\/[\w.]+\.(?:json|txt|model)$/,
]

/** Those files of a checkpoint that are copied unchanged into the output folder. */
export const companionFiles = (files: readonly string[]): string[] => files.filter(file => NAMES.some(pattern => pattern.test(file)))
