import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import type { Json } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { choosePlugin } from '../src/plugins/choose-plugin.ts'
import { discoverPlugins } from '../src/plugins/discover-plugins.ts'

/** Checkpoints as transformers before version 3 wrote them: their claims are those of the plugins in this repository. */
const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))
const discovery = discoverPlugins({ cwd: plugins })

type Config = { readonly [key: string]: Json }

interface Change {
  readonly config?: (config: Config) => Config
  /** Put in front of each tensor's name, after the prefix given first was taken away. */
  readonly prefix?: readonly [from: string, to: string]
  readonly files?: readonly string[]
}

async function choose(fixture: string, { config = same => same, prefix: [from, to] = ['', ''], files = [] }: Change = {}): Promise<string> {
  const checkpoint = await openCheckpoint(join(plugins, fixture))
  try {
    const { model_type: _, architectures: __, ...rest } = checkpoint.config
    const own = checkpoint.files.filter(file => !/vocab|merges|tokenizer|\.model$/.test(file))
    return choosePlugin(
      discovery,
      {
        ...checkpoint,
        location: fixture,
        config: config(rest),
        files: [...own, ...files],
        tensorNames: checkpoint.tensorNames.map(name => to + (name.startsWith(from) ? name.slice(from.length) : name)),
      },
      {},
    ).plugin.manifest.id
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

const without =
  (...keys: readonly string[]) =>
  (config: Config): Config =>
    Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key)))
const set = (more: Config) => (config: Config) => ({ ...config, ...more })

describe('without a model type and architectures', () => {
  test.each([
    ['albert/fixtures/base', 'albert'],
    ['albert/fixtures/fill-mask', 'albert'],
    ['bart/fixtures/rebel', 'bart'],
    ['bert/fixtures/fill-mask', 'bert'],
    ['bert/fixtures/question-answering', 'bert'],
    ['blip/fixtures/image-text-retrieval', 'blip'],
    ['blip/fixtures/image-to-text', 'blip'],
    ['blip2/fixtures/flan-t5', 'blip2'],
    ['blip2/fixtures/image-text-retrieval', 'blip2'],
    ['decision-transformer/fixtures/gym', 'decision-transformer'],
    ['distilbert/fixtures/base', 'distilbert'],
    ['distilbert/fixtures/token-classification', 'distilbert'],
    ['gpt2/fixtures/feature-extraction', 'gpt2'],
    ['gpt2/fixtures/text-generation', 'gpt2'],
    ['mosaicbert/fixtures/base', 'mosaicbert'],
    ['realm/fixtures/embedder', 'realm'],
    ['realm/fixtures/open-qa', 'realm'],
    ['realm/fixtures/scorer', 'realm'],
    ['rag/fixtures/context-encoder', 'rag'],
    ['rag/fixtures/model', 'rag'],
    ['rag/fixtures/reader', 'rag'],
    ['rag/fixtures/token-t5', 'rag'],
    ['roberta/fixtures/camembert', 'roberta'],
    ['roberta/fixtures/fill-mask', 'roberta'],
    ['t5/fixtures/encoder', 't5'],
    ['t5/fixtures/flan', 't5'],
    // UniRel's are BERT's with more keys, and either could be meant.
    ['unirel/fixtures/span', 'E_PLUGIN_AMBIGUOUS'],
  ])('%s is %s by its tensors', async (fixture, id) => {
    expect(await choose(fixture)).toBe(id)
  })

  const bare = ['bert.', ''] as const
  const bert = 'bert/fixtures/fill-mask'
  const roberta = 'roberta/fixtures/fill-mask'

  test.each<[string, string, Change, string]>([
    ['BERT by vocab.txt', bert, { config: without('pad_token_id'), files: ['vocab.txt'] }, 'bert'],
    ['BERT by the id of padding', bert, { config: set({ pad_token_id: 0 }) }, 'bert'],
    ['BERT by vocab.txt, with one segment', bert, { config: set({ type_vocab_size: 1 }), files: ['vocab.txt'] }, 'bert'],
    ['RoBERTa by its two files', bert, { config: without('pad_token_id'), files: ['vocab.json', 'merges.txt'] }, 'roberta'],
    ['RoBERTa by a vocabulary of sentencepiece', bert, { config: without('pad_token_id'), files: ['sentencepiece.bpe.model'] }, 'roberta'],
    ['RoBERTa by vocab.txt with bpe.codes', bert, { config: without('pad_token_id'), files: ['vocab.txt', 'bpe.codes'] }, 'roberta'],
    ['RoBERTa by the id of padding', bert, { config: set({ pad_token_id: 1 }) }, 'roberta'],
    ['RoBERTa by one segment', bert, { config: c => ({ ...without('pad_token_id')(c), type_vocab_size: 1 }) }, 'roberta'],
    ['either, where two segments are all there is', bert, { config: without('pad_token_id') }, 'E_PLUGIN_AMBIGUOUS'],
    ['either, where nothing tells', bert, { config: without('pad_token_id', 'type_vocab_size') }, 'E_PLUGIN_AMBIGUOUS'],
    ['neither, where the two contradict', bert, { config: set({ pad_token_id: 1 }), files: ['vocab.txt'] }, 'E_NO_MODEL_TYPE'],
    ['neither without the number of heads', bert, { config: without('num_attention_heads') }, 'E_NO_MODEL_TYPE'],
  ])('bare names are of %s', async (_, fixture, change, id) => {
    expect(await choose(fixture, { ...change, prefix: bare })).toBe(id)
  })

  test('RoBERTa bare, as it is written', async () => {
    expect(await choose(roberta, { prefix: ['roberta.', ''] })).toBe('roberta')
  })

  test('the tensors of a family say nothing where an architecture or a model type does', async () => {
    expect(await choose(bert, { config: set({ architectures: ['ElectraModel'] }) })).toBe('E_NO_MODEL_TYPE')
    expect(await choose(bert, { config: set({ model_type: 'layoutlm' }) })).toBe('E_MODEL_TYPE')
    expect(await choose(bert, { config: set({ architectures: [] }) })).toBe('bert')
    expect(await choose(bert, { config: set({ architectures: ['RobertaModel'] }) })).toBe('roberta')
    expect(await choose('unirel/fixtures/span', { config: set({ architectures: ['UniRelModel'] }) })).toBe('unirel')
  })
})

test.each([[undefined], [null], [[]]])(
  'a model type with the architectures %j goes to the own plugin of its family',
  async architectures => {
    const more = architectures === undefined ? {} : { architectures }
    const typed = (model_type: string) => ({ config: set({ model_type, ...more }) })
    expect(await choose('bert/fixtures/fill-mask', typed('bert'))).toBe('bert')
    expect(await choose('mosaicbert/fixtures/base', typed('bert'))).toBe('mosaicbert')
    expect(await choose('unirel/fixtures/span', typed('bert'))).toBe('unirel')
    expect(await choose('roberta/fixtures/fill-mask', typed('roberta'))).toBe('roberta')
  },
)

test('the ambiguity names the plugins, what they share, and the flag', async () => {
  const checkpoint = await openCheckpoint(join(plugins, 'bert/fixtures/fill-mask'))
  const { model_type: _, architectures: __, pad_token_id: ___, ...config } = checkpoint.config
  const tensorNames = checkpoint.tensorNames.map(name => name.replace(/^bert\./, ''))
  const files = ['config.json', 'model.safetensors']
  try {
    expect(() =>
      choosePlugin(discovery, { ...checkpoint, location: 'model', config, tensorNames, files }, {}),
    ).toThrowErrorMatchingInlineSnapshot(`
      [SilaneError: These plugins claim the checkpoint with equal right: @silane/plugin-bert@1.0.0, @silane/plugin-roberta@1.0.0 (config.json has no "model_type", config.json has no "architectures", config.json has "num_attention_heads", there is no file vocab.txt, there is a tensor embeddings.word_embeddings.weight, there is a tensor embeddings.token_type_embeddings.weight, there is a tensor encoder.layer.0.attention.self.query.weight).
      Looked in: model
      Choose one: --plugin @silane/plugin-bert]
    `)
  } finally {
    checkpoint.close()
  }
})
