import { defineErrors } from '@silane/core'

const again =
  'Get the file again; or save the tokenizer with its fast class in transformers, and put the tokenizer.json that it writes beside the file.'

/** Errors of building a tokenizer.json from the vocabulary of a checkpoint. */
export const errors = defineErrors({
  E_VOCABULARY: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} is no vocabulary that a tokenizer can be made of: ${f.problem}.`,
    where: f.where,
    next: again,
  }),
  E_MERGES: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} are no merges that a tokenizer can be made of: ${f.problem}.`,
    where: f.where,
    next: again,
  }),
  E_TOKENIZER_SETTINGS: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} cannot be used: ${f.problem}.`,
    where: f.where,
    next: again,
  }),
  E_SPECIAL_TOKEN: (f: { token: string; purpose: string; where: string }) => ({
    what: `The tokenizer needs ${f.token} (${f.purpose}), which its vocabulary does not have.`,
    where: f.where,
    next: 'Name the token that the model has in tokenizer_config.json, or put the tokenizer.json of the model into the folder.',
  }),
})
