import { openCheckpoint } from '@silane/checkpoint'
import { bytePairs, type TokenizerSource, wordPieces } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { openTokenizer } from '../src/generate/open-tokenizer.ts'
import { buildTokenizers } from '../src/tokenizers/build-tokenizers.ts'
import { temporary, write } from './workspace.ts'

const words = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n'
const pairs = { '<|endoftext|>': 0, a: 1, b: 2, ab: 3 }
const merges = '#version: 0.2\na b\n'

async function build(files: Readonly<Record<string, unknown>>, source: TokenizerSource) {
  const checkpoint = await openCheckpoint(write(temporary(), files))
  try {
    return buildTokenizers(checkpoint, [source])
  } finally {
    checkpoint.close()
  }
}

const wordPiece = wordPieces(['Words'])
const bytePair = bytePairs(['Pairs'])

describe('what is broken is refused', () => {
  test.each<[string, TokenizerSource, Readonly<Record<string, unknown>>, string, RegExp]>([
    ['an empty list of words', wordPiece, { 'vocab.txt': '' }, 'E_VOCABULARY', /it is empty/],
    ['words that are not UTF-8', wordPiece, { 'vocab.txt': Uint8Array.of(0x61, 0xff, 0x0a) }, 'E_VOCABULARY', /not UTF-8/],
    ['too many words', wordPiece, { 'vocab.txt': '\r'.repeat(2_000_001) }, 'E_VOCABULARY', /more than 2000000 lines/],
    [
      'a word without an end',
      wordPiece,
      { 'vocab.txt': `a\r\nb\n${'é'.repeat(5000)}` },
      'E_VOCABULARY',
      /line 3 has 10000 bytes, and 8192/,
    ],
    ['more than a list of words', wordPiece, { 'vocab.txt': 'word\n'.repeat(3_300_000) }, 'E_VOCABULARY', /16500000 bytes, and 16000000/],
    ['too many merges', bytePair, { 'vocab.json': pairs, 'merges.txt': '\n'.repeat(2_000_001) }, 'E_MERGES', /more than 2000000 lines/],
    [
      'a merge without an end',
      bytePair,
      { 'vocab.json': pairs, 'merges.txt': `#\n${'a '.repeat(5000)}\n` },
      'E_MERGES',
      /line 2 has 10000/,
    ],
    ['no word for the unknown', wordPiece, { 'vocab.txt': 'a\n[CLS]\n[SEP]\n' }, 'E_SPECIAL_TOKEN', /"\[UNK\]" \(unk_token\)/],
    ['no token for the beginning', wordPiece, { 'vocab.txt': 'a\n[UNK]\n[SEP]\n' }, 'E_SPECIAL_TOKEN', /"\[CLS\]" \(cls_token\)/],
    [
      'a token that is taken away',
      wordPiece,
      { 'vocab.txt': words, 'tokenizer_config.json': { sep_token: null } },
      'E_SPECIAL_TOKEN',
      /sep_token/,
    ],
    ['a vocabulary that is no object', bytePair, { 'vocab.json': [], 'merges.txt': merges }, 'E_VOCABULARY', /no object/],
    ['two tokens of one id', bytePair, { 'vocab.json': { a: 1, b: 1 }, 'merges.txt': merges }, 'E_VOCABULARY', /"a" and "b" both.*id 1/],
    ['an id that is none', bytePair, { 'vocab.json': { a: -1 }, 'merges.txt': merges }, 'E_VOCABULARY', /"a" is -1/],
    ['an id beyond all bounds', bytePair, { 'vocab.json': { a: 1e12 }, 'merges.txt': merges }, 'E_VOCABULARY', /1000000000000/],
    ['a merge of what is no token', bytePair, { 'vocab.json': pairs, 'merges.txt': '#\na c\n' }, 'E_MERGES', /line 2 has "c"/],
    ['a merge to what is no token', bytePair, { 'vocab.json': pairs, 'merges.txt': '#\nb a\n' }, 'E_MERGES', /line 2 has "ba"/],
    ['a merge of three', bytePair, { 'vocab.json': pairs, 'merges.txt': '#\na b a\n' }, 'E_MERGES', /line 2 is no pair/],
    [
      'a flag that is none',
      wordPiece,
      { 'vocab.txt': words, 'tokenizer_config.json': { do_lower_case: 'yes' } },
      'E_TOKENIZER_SETTINGS',
      /do_lower_case is "yes"/,
    ],
    [
      'a token that is a number',
      wordPiece,
      { 'vocab.txt': words, 'special_tokens_map.json': { pad_token: 3 } },
      'E_TOKENIZER_SETTINGS',
      /special_tokens_map.json cannot be used: 3 is no token/,
    ],
    [
      'tokens by what is no id',
      wordPiece,
      { 'vocab.txt': words, 'tokenizer_config.json': { added_tokens_decoder: { one: { content: 'x' } } } },
      'E_TOKENIZER_SETTINGS',
      /"one"/,
    ],
    ['an added token of a taken id', wordPiece, { 'vocab.txt': words, 'added_tokens.json': { x: 9, y: 9 } }, 'E_VOCABULARY', /id 9/],
  ])('%s', async (_, source, files, code, message) => {
    await expect(build(files, source)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

describe('nothing is made', () => {
  test('where there is no vocabulary, or a tokenizer.json already', async () => {
    expect(await build({ 'config.json': {} }, wordPiece)).toEqual({ files: {}, notes: [] })
    expect(await build({ 'vocab.json': pairs }, bytePair)).toEqual({ files: {}, notes: [] })
    expect(await build({ 'vocab.txt': words, 'tokenizer.json': {} }, wordPiece)).toEqual({ files: {}, notes: [] })
    expect(await build({ 'spiece.model': 'x' }, wordPiece)).toEqual({ files: {}, notes: [] })
  })

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['of another class', { 'tokenizer_config.json': { tokenizer_class: 'Mecab' } }, 'tokenizer_config.json names a Mecab'],
    ['of another class in config.json', { 'config.json': { tokenizer_class: 'MecabFast' } }, 'config.json names a MecabFast'],
    ['without basic steps', { 'tokenizer_config.json': { do_basic_tokenize: false } }, 'do_basic_tokenize of'],
    ['with words that stay whole', { 'tokenizer_config.json': { never_split: ['x'] } }, 'never_split of'],
  ])('of a tokenizer %s, and that is said', async (_, files, note) => {
    const { files: made, notes } = await build({ 'vocab.txt': words, ...files }, wordPiece)
    expect(made).toEqual({})
    expect(notes).toEqual([expect.stringContaining(note)])
  })
})

test('the same files give the same bytes, and the class may be the fast one', async () => {
  const files = { 'vocab.txt': words, 'tokenizer_config.json': { tokenizer_class: 'WordsFast', model_max_length: 32 } }
  const [first, second] = [await build(files, wordPiece), await build(files, wordPiece)]
  expect(first).toEqual(second)
  expect(JSON.parse(first.files['tokenizer_config.json'] ?? '')).toEqual({
    clean_up_tokenization_spaces: true,
    tokenizer_class: 'WordsFast',
    unk_token: '[UNK]',
    sep_token: '[SEP]',
    pad_token: '[PAD]',
    cls_token: '[CLS]',
    mask_token: '[MASK]',
    model_max_length: 32,
  })
})

test('tokens with the names of object members are tokens', async () => {
  const { files } = await build({ 'vocab.txt': `${words}__proto__\nconstructor\n12\n` }, wordPiece)
  const tokenizer = await openTokenizer(write(temporary(), files))
  expect(tokenizer?.encode('constructor 12 a toString').ids).toEqual([2, 8, 9, 5, 1, 3])
  const { vocab } = JSON.parse(files['tokenizer.json'] ?? '').model
  expect(Object.entries(vocab)).toEqual(
    expect.arrayContaining([
      ['__proto__', 7],
      ['constructor', 8],
      ['12', 9],
    ]),
  )
})

test('line ends of Windows are line ends, and of a word with two lines the last counts', async () => {
  const { files } = await build({ 'vocab.txt': `${words.replaceAll('\n', '\r\n')}a\r\n` }, wordPiece)
  const tokenizer = await openTokenizer(write(temporary(), files))
  expect(tokenizer?.encode('a b').ids).toEqual([2, 7, 6, 3])
})
