import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Conversion, filesBelow, linkFiles } from '../bench.ts'
import { mutateBytes } from '../mutate/bytes.ts'
import { type Json, jsonText, mutateJson } from '../mutate/json.ts'
import { mutateProtobuf } from '../mutate/protobuf.ts'
import { type Case, type MakeCase, type Place, putFile } from '../place.ts'
import type { Random } from '../random.ts'

const json = ({ random }: Place): readonly string[] => (random.once(3) ? ['--json'] : [])

/** Links a converted folder into the case's. */
function take({ bench, input }: Place, name: Conversion): string {
  const folder = join(input, 'converted')
  linkFiles(bench.converted(name), folder)
  return folder
}

const MODEL = 'Data/com.apple.CoreML/model.mlmodel'
const WEIGHTS = 'Data/com.apple.CoreML/weights/weight.bin'

export const packageCase: MakeCase = place => {
  const { random, bench, input } = place
  const name = random.pick<Conversion>(['encoder', 'encoder', 'decoder', 'states', 'vectors'])
  const found = filesBelow(bench.converted(name)).filter(file => file.endsWith(MODEL))
  const from = join(bench.converted(name), random.pick(found).slice(0, -MODEL.length - 1))
  const path = join(input, 'x.mlpackage')
  linkFiles(from, path)
  const file = random.pick([MODEL, MODEL, MODEL, MODEL, WEIGHTS, 'Manifest.json'])
  const bytes = readFileSync(join(from, file))
  const mutated =
    file === MODEL
      ? mutateProtobuf(bytes, random)
      : file === WEIGHTS
        ? mutateBytes(bytes, random, random.pick([64, 512, bytes.length]))
        : mutateJson(bytes.toString('utf8'), random, ['path', 'author', 'name'])
  putFile(join(path, file), mutated)
  return { what: `${file} of ${name}`, run: { args: [random.once(3) ? 'inspect' : 'verify', path, ...json(place)] } }
}

export const onnxCase: MakeCase = place => {
  const { random, bench, input } = place
  const name = random.pick<Conversion>(['encoder', 'decoder', 'seq2seq'])
  const file = random.pick(filesBelow(bench.converted(name)).filter(path => path.endsWith('.onnx')))
  putFile(join(input, 'x.onnx'), mutateProtobuf(readFileSync(join(bench.converted(name), file)), random))
  return { what: `${file} of ${name}`, run: { args: ['inspect', join(input, 'x.onnx'), ...json(place)] } }
}

/** What a folder is used for, as short as it can be. */
function use(place: Place, name: Conversion, folder: string): Case['run'] {
  const { random, bench } = place
  const { model, plugin } = bench.source(name)
  if (random.once(4)) return { args: ['validate', folder, '--model', model, '--plugin', plugin, ...json(place)] }
  if (random.once(8)) return { args: ['benchmark', folder, '--runs', '1', ...json(place)] }
  const from = random.once(6) ? ['--from', 'coreml'] : []
  const runs: Readonly<Record<Conversion, () => readonly string[]>> = {
    encoder: () => ['benchmark', folder, '--runs', '1'],
    vectors: () => ['search', folder, '--index', join(bench.folder, 'index.sqlite'), '--query', 'a text', ...from],
    decoder: () => ['generate', folder, '--ids', '5,6,7', '--max-new-tokens', '3', ...from],
    states: () => ['generate', folder, '--ids', '5,6', '--max-new-tokens', '2', ...from],
    seq2seq: () => ['generate', folder, '--ids', '5,6', '--max-new-tokens', '3', ...from],
    pixels: () => ['classify', folder, random.pick(bench.pictures.filter(file => file.endsWith('.png'))), ...from],
  }
  return { args: [...runs[name](), ...json(place)] }
}

const MANIFEST_KEYS = ['generation', 'image_tokens', 'question', 'partOf', 'updates', 'below', 'values', 'absent', 'layers', 'ok']

/** Sizes, bounds and types of what programs read and give: from a manifest memory is taken for them. */
function resized(text: string, random: Random): string {
  const sizes = [0, 1, -1, 7, 1e5, 4e8, 1e9, 2 ** 31, 2 ** 53]
  const dtypes = ['constructor', 'int4', 'bool', 'fp64', 'int64', 'fp16', '']
  const roles = ['ids', 'mask', 'positions', 'cache', 'cross', 'image', 'hidden', 'vectors', 'segments']
  const shape = () => Array.from({ length: 1 + random.int(4) }, () => random.pick([1, 1, ...sizes]))
  const fields: readonly (readonly [RegExp, () => string])[] = [
    [/"shape":\s*\[[^\]]*\]/g, () => `"shape": [${shape().join(', ')}]`],
    [/"below":\s*\d+/g, () => `"below": ${random.pick(sizes)}`],
    [/"dtype":\s*"\w+"/g, () => `"dtype": "${random.pick(dtypes)}"`],
    [/"layers":\s*\[[^\]]*\]/g, () => `"layers": [0, ${random.pick(sizes)}]`],
    [/"role":\s*"\w+"/g, () => `"role": "${random.pick(roles)}"`],
  ]
  const [pattern, make] = random.pick(fields.filter(([pattern]) => text.search(pattern) >= 0))
  const places = [...text.matchAll(pattern)]
  const chosen = random.once(3) ? undefined : random.int(places.length)
  let i = 0
  return text.replace(pattern, found => (chosen === undefined || i++ === chosen ? make() : found))
}

export const manifestCase: MakeCase = place => {
  const { random, bench } = place
  const name = random.pick<Conversion>(['encoder', 'vectors', 'decoder', 'states', 'seq2seq', 'pixels'])
  const folder = take(place, name)
  const text = readFileSync(join(bench.converted(name), 'silane.json'), 'utf8')
  putFile(join(folder, 'silane.json'), random.once(2) ? resized(text, random) : mutateJson(text, random, MANIFEST_KEYS))
  return { what: `silane.json of ${name}`, run: random.once(3) ? { args: ['inspect', folder, ...json(place)] } : use(place, name, folder) }
}

/** Any file of the folder but silane.json, where `manifestCase` is: what is run was somebody's too. */
export const folderCase: MakeCase = place => {
  const { random, bench } = place
  const name = random.pick<Conversion>(['encoder', 'vectors', 'decoder', 'states', 'seq2seq', 'pixels'])
  const folder = take(place, name)
  const file = random.pick(filesBelow(bench.converted(name)).filter(path => PROGRAM_FILES.test(path)))
  const bytes = readFileSync(join(bench.converted(name), file))
  const mutated = /\.(onnx|mlmodel)$/.test(file)
    ? mutateProtobuf(bytes, random)
    : file.endsWith('.json')
      ? mutateJson(bytes.toString('utf8'), random, ['path', 'author', 'name'])
      : mutateBytes(bytes, random, random.pick([64, 512, bytes.length]))
  putFile(join(folder, file), mutated)
  return { what: `${file} of ${name}`, run: use(place, name, folder) }
}

const PROGRAM_FILES = /\.(onnx|onnx_data|mlmodel|bin)$|Manifest\.json$/

const GENERATION = {
  num_beams: 2,
  max_length: 20,
  max_new_tokens: 3,
  min_length: 0,
  eos_token_id: [1, 2],
  bos_token_id: 0,
  pad_token_id: 0,
  decoder_start_token_id: 0,
  no_repeat_ngram_size: 3,
  repetition_penalty: 1.2,
  length_penalty: 1,
  early_stopping: true,
  do_sample: true,
  temperature: 0.7,
  top_k: 5,
  top_p: 0.9,
  bad_words_ids: [[1, 2]],
  suppress_tokens: [3],
  begin_suppress_tokens: [4],
  forced_bos_token_id: 0,
  forced_eos_token_id: 1,
  num_return_sequences: 1,
}

/** Settings of tokenizers that take long, grow, or are none. */
const TOKENIZERS: readonly ((tokenizer: { readonly [key: string]: Json }) => Json)[] = [
  tokenizer => ({ ...tokenizer, pre_tokenizer: { type: 'Split', pattern: { Regex: '^(a+)+$' }, behavior: 'Isolated', invert: false } }),
  tokenizer => ({ ...tokenizer, normalizer: { type: 'Replace', pattern: { Regex: '(a|a)*$' }, content: '' } }),
  tokenizer => ({
    ...tokenizer,
    normalizer: {
      type: 'Sequence',
      normalizers: Array.from({ length: 26 }, () => ({ type: 'Replace', pattern: { String: 'a' }, content: 'aa' })),
    },
  }),
  tokenizer => ({ ...tokenizer, normalizer: { type: 'x' } }),
  tokenizer => ({ ...tokenizer, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } }),
  tokenizer => ({
    ...tokenizer,
    post_processor: {
      type: 'TemplateProcessing',
      single: Array.from({ length: 100_000 }, () => ({ SpecialToken: { id: '[CLS]', type_id: 0 } })),
      pair: [],
      special_tokens: { '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] } },
    },
  }),
  tokenizer => ({ ...tokenizer, padding: { strategy: { Fixed: 1e9 }, direction: 'Right', pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' } }),
  tokenizer => ({ ...tokenizer, model: { type: 'BPE', vocab: { a: 0, aa: 1 }, merges: Array.from({ length: 3000 }, () => 'a a') } }),
  tokenizer => ({
    ...tokenizer,
    model: {
      type: 'Unigram',
      unk_id: 0,
      vocab: [
        ['a', -1],
        ['aa', Number.MIN_VALUE],
      ],
    },
  }),
  tokenizer => ({
    ...tokenizer,
    added_tokens: Array.from({ length: 2000 }, (_, id) => ({
      id,
      content: 'a'.repeat(1 + (id % 50)),
      special: false,
      lstrip: true,
      rstrip: true,
      normalized: false,
      single_word: true,
    })),
  }),
]

export const generationCase: MakeCase = place => {
  const { random, bench } = place
  const name = random.pick<Conversion>(['decoder', 'decoder', 'seq2seq', 'states', 'vectors'])
  const folder = take(place, name)
  if (random.once(2) && name !== 'vectors') {
    const file = random.pick(['generation_config.json', 'generation_config.json', 'config.json'])
    const text =
      file === 'config.json'
        ? readFileSync(join(bench.converted(name), file), 'utf8')
        : JSON.stringify(Object.fromEntries(Object.entries(GENERATION).filter(() => random.once(4))))
    const numbers = [1e9, 1e5, 20_000, -1, 0, 0.5, -(2 ** 31), 2 ** 32 + 5, 1e39]
    // One number that is out of range, and all else as it should be.
    const one = { ...JSON.parse(text), max_new_tokens: 3, [random.pick(Object.keys(GENERATION))]: random.pick(numbers) } as Json
    putFile(join(folder, file), random.once(2) ? jsonText(one) : mutateJson(text, random, Object.keys(GENERATION)))
    return { what: `${file} of ${name}`, run: use(place, name, folder) }
  }
  const vectors = bench.converted('vectors')
  const [tokenizer, config] = ['tokenizer.json', 'tokenizer_config.json'].map(file => readFileSync(join(vectors, file), 'utf8')) as [
    string,
    string,
  ]
  const made = random.once(4)
    ? jsonText(random.pick(TOKENIZERS)(JSON.parse(tokenizer) as { readonly [key: string]: Json }))
    : mutateJson(tokenizer, random)
  putFile(join(folder, 'tokenizer.json'), made)
  putFile(join(folder, 'tokenizer_config.json'), random.once(4) ? mutateJson(config, random) : config)
  const text = random.pick(['a text', `${'a'.repeat(40)}!`, 'a '.repeat(3000), '', '[CLS] [PAD]', '\u0301\u202e\ud83d', 'x'.repeat(20_000)])
  const run =
    name === 'vectors' ? use(place, name, folder) : { args: ['generate', folder, '--text', text, '--max-new-tokens', '2', ...json(place)] }
  return { what: `tokenizer of ${name}, text ${JSON.stringify(text.slice(0, 20))}`, run }
}
