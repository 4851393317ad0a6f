import { expect, test } from 'vitest'
import { errors } from '../src/generate/errors.ts'

test('every error of text generation says what is wrong and what to do', () => {
  const where = 'out'
  const all = [
    errors.E_NOT_A_DECODER({ where }),
    errors.E_CONTEXT_FULL({ context: 128, tokens: 130 }),
    errors.E_INPUT_TOO_LONG({ tokens: 600, length: 512 }),
    errors.E_MAX_LENGTH({ maxLength: 8, tokens: 9 }),
    errors.E_INPUT_UNKNOWN({ input: 'token_type_ids', function: 'step' }),
    errors.E_NO_TOKENIZER({ where }),
    errors.E_PROMPT_EMPTY({}),
    errors.E_PICTURE_WANTED({ where }),
    errors.E_PLACES({ id: 139, found: 3, rows: 6 }),
    errors.E_TOKEN_ID({ id: 200, below: 140 }),
    errors.E_BEAMS_NEED_IO({}),
  ]
  expect(new Set(all.map(({ code }) => code))).toEqual(new Set(Object.keys(errors)))
  expect(all.map(({ code, message }) => `${code}\n${message}`).join('\n\n')).toMatchInlineSnapshot(`
    "E_NOT_A_DECODER
    This conversion has no decoder with a cache.
    Looked in: out
    Convert with --task text-generation or --task text2text-generation.

    E_CONTEXT_FULL
    The cache has 128 slots; 130 tokens do not fit.
    Give a shorter text or fewer new tokens, or convert with a larger --context.

    E_INPUT_TOO_LONG
    The text is 600 tokens long; the encoder takes 512.
    Give a shorter text, or convert with a larger --seq.

    E_MAX_LENGTH
    max_length is 8, and the prompt alone has 9 tokens.
    Say how many tokens may follow with --max-new-tokens.

    E_INPUT_UNKNOWN
    The function step has an input "token_type_ids" that generation does not know.
    Convert again with this version of silane.

    E_NO_TOKENIZER
    There is no tokenizer.json.
    Looked in: out
    Give token ids with --ids, or put the tokenizer.json of the model into the folder.

    E_PROMPT_EMPTY
    There is no token to go on from.
    Give a text, or token ids with --ids.

    E_PICTURE_WANTED
    This conversion writes about a picture, and there is none.
    Looked in: out
    Use \`silane caption\` or \`silane ask-image\`; to \`generate\` give the pixels among its \`things\`.

    E_PLACES
    The ids leave 3 places for a picture, which has 6 rows.
    Give the id 139 once for each row. \`silane caption\` and \`silane ask-image\` put them there themselves: --ids has none then.

    E_TOKEN_ID
    200 is no token of this model, whose ids are 0 to 139.
    Correct --ids; where they come of a text, tokenizer.json belongs to another model.

    E_BEAMS_NEED_IO
    Beam search goes on from several places, which a state in the program cannot.
    Convert with --kv io, or use --beams 1."
  `)
})
