import { defineErrors } from '@silane/core'

/** Errors of text generation. */
export const errors = defineErrors({
  E_NOT_A_DECODER: (f: { where?: string }) => ({
    what: 'This conversion has no decoder with a cache.',
    where: f.where,
    next: 'Convert with --task text-generation or --task text2text-generation.',
  }),
  E_CONTEXT_FULL: (f: { context: number; tokens: number }) => ({
    what: `The cache has ${f.context} slots; ${f.tokens} tokens do not fit.`,
    next: 'Give a shorter text or fewer new tokens, or convert with a larger --context.',
  }),
  E_INPUT_TOO_LONG: (f: { tokens: number; length: number }) => ({
    what: `The text is ${f.tokens} tokens long; the encoder takes ${f.length}.`,
    next: 'Give a shorter text, or convert with a larger --seq.',
  }),
  E_MAX_LENGTH: (f: { maxLength: number; tokens: number }) => ({
    what: `max_length is ${f.maxLength}, and the prompt alone has ${f.tokens} tokens.`,
    next: 'Say how many tokens may follow with --max-new-tokens.',
  }),
  E_INPUT_UNKNOWN: (f: { input: string; function: string }) => ({
    what: `The function ${f.function} has an input "${f.input}" that generation does not know.`,
    next: 'Convert again with this version of silane.',
  }),
  E_NO_TOKENIZER: (f: { where: string; binary?: string | undefined }) => ({
    what: f.binary === undefined ? 'There is no tokenizer.json.' : `There is no tokenizer.json, and none is made of ${f.binary}.`,
    where: f.where,
    next:
      f.binary === undefined
        ? 'Give token ids with --ids, or put the tokenizer.json of the model into the folder.'
        : 'Load the tokenizer with its fast class in transformers (AutoTokenizer), save it (save_pretrained), and put the tokenizer.json into the folder.',
  }),
  E_PROMPT_EMPTY: (_: Record<never, never>) => ({
    what: 'There is no token to go on from.',
    next: 'Give a text, or token ids with --ids.',
  }),
  E_PICTURE_WANTED: (f: { where?: string }) => ({
    what: 'This conversion writes about a picture, and there is none.',
    where: f.where,
    next: 'Use `silane caption` or `silane ask-image`; to `generate` give the pixels among its `things`.',
  }),
  E_PLACES: (f: { id: number; found: number; rows: number }) => ({
    what: `The ids leave ${f.found} places for a picture, which has ${f.rows} rows.`,
    next: `Give the id ${f.id} once for each row. \`silane caption\` and \`silane ask-image\` put them there themselves: --ids has none then.`,
  }),
  E_TOKEN_ID: (f: { id: number; below: number }) => ({
    what: `${f.id} is no token of this model, whose ids are 0 to ${f.below - 1}.`,
    next: 'Correct --ids; where they come of a text, tokenizer.json belongs to another model.',
  }),
  E_BEAMS_NEED_IO: (_: Record<never, never>) => ({
    what: 'Beam search goes on from several places, which a state in the program cannot.',
    next: 'Convert with --kv io, or use --beams 1.',
  }),
})
