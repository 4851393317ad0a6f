import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTokenizer } from '../src/generate/open-tokenizer.ts'
import { temporary } from './workspace.ts'

/** A tokenizer.json of word pieces. */
const file = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: null,
  model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
}

const open = (parts: object) => {
  const folder = temporary()
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ ...file, ...parts }))
  return openTokenizer(folder)
}

test.each([null, -1, 1.5, 'two'])('%s is no id of a token', async id => {
  const tokenizer = await open({ model: { ...file.model, vocab: { '[UNK]': 0, one: 1, two: id } } })
  expect(tokenizer?.encode('one one').ids).toEqual([1, 1])
  const problem = expect.objectContaining({ code: 'E_FOLDER_FILE', message: expect.stringContaining(`the id ${id}`) })
  expect(() => tokenizer?.encode('one two')).toThrow(problem)
})

test('an unknown word without an unknown token is refused', async () => {
  const tokenizer = await open({ model: { ...file.model, vocab: { one: 1 } } })
  expect(() => tokenizer?.encode('two')).toThrow(expect.objectContaining({ code: 'E_FOLDER_FILE' }))
})
