import { chooseWeights } from '../choose-weights.ts'
import { countedShards } from '../counted-shards.ts'
import { adapterFile } from '../is-adapter.ts'
import { isLicenseFile, MODEL_CARD } from '../model-card.ts'

/** Settings and vocabularies: `*.json`, `vocab.txt`, `merges.txt`, `spiece.model` … */
const SMALL = /\.(?:json|txt|model)$/

/** Indexes of shards come with the format they belong to. */
const INDEX = /\.index(?:\.[\w-]+)?\.json$/

/**
 * The files of one folder that a conversion reads or copies: settings, vocabularies, the model card and licences, and one form of the weights, which may be an index whose
 * shards are known once it has been read. Weights come last, so that a snapshot that has them has the rest too.
 */
export function neededFiles(files: readonly string[], where: string): string[] {
  const weights = chooseWeights(files, where)
  const small = files.filter(file => (SMALL.test(file) && !INDEX.test(file) && file !== weights) || isPaper(file))
  if (weights === undefined) return small
  // An adapter beside the weights is merged into them; one without weights is refused by its settings.
  const adapter = adapterFile(files)
  return [...small, ...(adapter === undefined ? [] : [adapter]), ...(countedShards(weights, files, where) ?? [weights])]
}

/** What a model may be used for, and by whom it is. */
const isPaper = (file: string): boolean => file === MODEL_CARD || isLicenseFile(file)

/** Sub-folders of sentence-transformers: `1_Pooling`, `2_Dense`. */
export const isModuleFolder = (folder: string): boolean => /^\d+_\w+$/.test(folder)

/** Sub-folders with a tokenizer each, of models that consist of several: `question_encoder_tokenizer`, `generator_tokenizer`. */
export const isTokenizerFolder = (folder: string): boolean => /^(?:\w+[_-])?tokenizer(?:_\d+)?$/.test(folder)
