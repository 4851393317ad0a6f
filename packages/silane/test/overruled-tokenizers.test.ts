import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import { bytePairs, separatedBytePairs, type TokenizerSource, wordPieces } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { openTokenizer } from '../src/generate/open-tokenizer.ts'
import { buildTokenizers } from '../src/tokenizers/build-tokenizers.ts'
import { texts } from './tokenizer-goldens.ts'
import { temporary, write } from './workspace.ts'

/** A tokenizer.json, other settings beside it, and what transformers makes of both: tools/goldens/overruled.py. */
const cases = fileURLToPath(new URL('../fixtures/overruled', import.meta.url))

const sources: Readonly<Record<string, TokenizerSource>> = {
  bert: wordPieces(['BertTokenizer']),
  distilbert: wordPieces(['DistilBertTokenizer', 'BertTokenizer']),
  gpt2: bytePairs(['GPT2Tokenizer']),
  roberta: separatedBytePairs(['RobertaTokenizer'], {}),
  bart: separatedBytePairs(['BartTokenizer', 'RobertaTokenizer'], { normalized: true }),
}

/** The files of a folder, with those that a conversion writes over them. */
async function overrule(folder: string, source?: TokenizerSource) {
  const checkpoint = await openCheckpoint(folder)
  try {
    const sentence = checkpoint.has('sentence_bert_config.json')
    const { files, notes } = buildTokenizers(checkpoint, source ? [source] : [], { sentence })
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
    return { files, notes }
  } finally {
    checkpoint.close()
  }
}

const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))

const copy = (name: string) => {
  const folder = temporary()
  cpSync(join(cases, name), folder, { recursive: true })
  return { folder, source: sources[read(folder, 'config.json').model_type] }
}

describe.each(readdirSync(cases))('%s', name => {
  const golden = read(cases, name, 'golden.json')

  test('the tokenizer.json that is written gives the ids of transformers', async () => {
    const { folder, source } = copy(name)
    const { files, notes } = await overrule(folder, source)
    const same = Object.keys(golden.file).length === 0
    expect(Object.keys(files)).toEqual(same ? [] : ['tokenizer.json'])
    expect(notes.join('\n')).toMatchSnapshot()
    const tokenizer = await openTokenizer(folder)
    const rows = golden.texts.map((at: number, row: number) => ({
      text: texts[at],
      ids: tokenizer?.encode(texts[at] ?? '').ids,
      skipped: golden.ids[row].length === 0 ? '' : tokenizer?.decode(golden.ids[row], { skip_special_tokens: true }),
    }))
    const expected = golden.texts.map((at: number, row: number) => ({
      text: texts[at],
      ids: golden.ids[row],
      skipped: golden.skipped[row],
    }))
    expect(rows).toEqual(expected)
  })

  test('what was laid over it is laid over it once', async () => {
    const { folder, source } = copy(name)
    await overrule(folder, source)
    expect((await overrule(folder, source)).files).toEqual({})
  })
})

describe('what cannot be laid over it is said', () => {
  const lower = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }
  const file = {
    added_tokens: [{ id: 0, content: 'A', single_word: false, lstrip: false, rstrip: false, normalized: true, special: false }],
    normalizer: lower,
    pre_tokenizer: { type: 'BertPreTokenizer' },
    model: { type: 'WordPiece', vocab: { A: 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, '[PAD]': 4, '[MASK]': 5 } },
  }
  const bytes = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }
  const bert = { tokenizer_class: 'BertTokenizer', unk_token: null, sep_token: null, pad_token: null, cls_token: null, mask_token: null }
  const other = { tokenizer_class: 'OtherTokenizer' }

  test.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>, readonly RegExp[]]>([
    ['special tokens that are split', file, { ...bert, split_special_tokens: true }, [/may differ.*: split_special_tokens of/]],
    [
      'a case that is neither',
      file,
      { ...bert, do_lower_case: 'no' },
      [/may differ.*: do_lower_case of tokenizer_config\.json is "no", and/],
    ],
    ['another class', file, { ...other, do_lower_case: false }, [/may differ.*: do_lower_case .* is false, and OtherTokenizer may/]],
    ['another class that agrees', file, { ...other, do_lower_case: true }, []],
    ['the newer class, which takes the file', { ...file, pre_tokenizer: bytes }, { tokenizer_class: 'TokenizersBackend' }, []],
    ['no normalizer', { ...file, normalizer: null }, bert, [/may differ.*: its normalizer is none of word pieces/]],
    ['tokens that are none', file, { ...bert, additional_special_tokens: 'x' }, [/as the checkpoint has it.*is no list/]],
    ['extra tokens that are none', file, { ...other, extra_special_tokens: [3] }, [/may differ.*: extra_special_tokens .* has what is no/]],
  ])('%s', async (_, tokenizer, config, notes) => {
    const folder = write(temporary(), { 'config.json': {}, 'tokenizer.json': tokenizer, 'tokenizer_config.json': config })
    const made = await overrule(folder, sources.bert)
    expect(made).toEqual({ files: {}, notes: notes.map(note => expect.stringMatching(note)) })
  })

  test('an added token with capitals, once text is of lower case', async () => {
    const cased = { ...file, normalizer: { ...lower, lowercase: false } }
    const folder = write(temporary(), { 'config.json': {}, 'tokenizer.json': cased, 'tokenizer_config.json': bert })
    const { files, notes } = await overrule(folder, sources.bert)
    expect(JSON.parse(files['tokenizer.json'] ?? '').normalizer).toEqual(lower)
    expect(notes).toEqual([expect.stringMatching(/do_lower_case is true by default/), expect.stringMatching(/"A" and other added tokens/)])
  })

  test('of many tokens a few, and how many more', async () => {
    const decoder = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [6 + at, { content: `<${at}>`, special: true }]))
    const config = { ...bert, added_tokens_decoder: decoder }
    const folder = write(temporary(), { 'config.json': {}, 'tokenizer.json': file, 'tokenizer_config.json': config })
    const { files, notes } = await overrule(folder, sources.bert)
    expect(JSON.parse(files['tokenizer.json'] ?? '').added_tokens.at(-1)).toMatchObject({ id: 3005, content: '<2999>', special: true })
    expect(notes).toEqual([expect.stringMatching(/"<7>" is a special token of id 13 by [^;]*; and 2992 more$/)])
  })

  test('what sentence-transformers puts in front, also of a tokenizer that is made', async () => {
    const vocabulary = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n'
    const settings = { 'tokenizer_config.json': { do_lower_case: false }, 'sentence_bert_config.json': { do_lower_case: true } }
    const folder = write(temporary(), { 'config.json': {}, 'vocab.txt': vocabulary, ...settings })
    const { notes } = await overrule(folder, sources.bert)
    expect(notes).toEqual(['tokenizer.json: do_lower_case is true by sentence_bert_config.json'])
    expect((await openTokenizer(folder))?.encode('A a').ids).toEqual([2, 5, 5, 3])
  })

  test('each tokenizer of a model of several', async () => {
    const files = { 'tokenizer.json': file, 'tokenizer_config.json': { ...bert, do_lower_case: false } }
    const within = Object.fromEntries(Object.entries(files).map(([name, value]) => [`question_tokenizer/${name}`, value]))
    const folder = write(temporary(), { 'config.json': {}, ...within })
    const made = await overrule(folder, wordPieces(['BertTokenizer'], { folder: 'question_tokenizer' }))
    expect(Object.keys(made.files)).toEqual(['question_tokenizer/tokenizer.json'])
    expect(made.notes[0]).toMatch(/^question_tokenizer\/tokenizer\.json was changed/)
  })
})
