import type { Json } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { folderCheckpoint } from '../src/folder-checkpoint.ts'
import { temporary } from './temporary.ts'

const opened = (files: Readonly<Record<string, unknown>>) =>
  folderCheckpoint(temporary(Object.fromEntries(Object.entries(files).map(([name, json]) => [name, JSON.stringify(json)]))), {
    location: './model',
    id: 'model',
    revision: null,
  })

const modules = (...types: readonly string[]) =>
  types.map((type, idx) => ({ idx, path: type === 'Transformer' ? '' : `${idx}_${type}`, type: `sentence_transformers.models.${type}` }))

describe('the modules of sentence-transformers', () => {
  const pooling = (config: object) =>
    opened({ 'config.json': {}, 'modules.json': modules('Transformer', 'Pooling'), '1_Pooling/config.json': config }).sentenceModules()
  const modes = (config: object) => pooling(config)?.flatMap(module => (module.type === 'Pooling' ? [module.modes] : []))
  const transformer = { type: 'Transformer', path: '', takes: 'last_hidden_state', output: 'token_embeddings' }

  it('are nothing without their file', () => {
    expect(opened({ 'config.json': {} }).sentenceModules()).toBeUndefined()
    expect(opened({ 'config.json': {}, 'modules.json': [] }).sentenceModules()).toEqual([])
  })
  it('are pooling, by flags or by words, the mean where neither says', () => {
    expect(pooling({ pooling_mode_cls_token: true })).toEqual([
      transformer,
      { type: 'Pooling', path: '1_Pooling', modes: ['cls'], includePrompt: true },
    ])
    expect(modes({})).toEqual([['mean']])
    expect(modes({ pooling_mode_weightedmean_tokens: true, pooling_mode_mean_tokens: false })).toEqual([['weightedmean']])
    expect(modes({ pooling_mode_mean_tokens: true, pooling_mode_cls_token: true })).toEqual([['cls', 'mean']])
    expect(modes({ pooling_mode: 'max' })).toEqual([['max']])
    expect(modes({ pooling_mode: ['lasttoken', 'cls'], pooling_mode_mean_tokens: true })).toEqual([['lasttoken', 'cls']])
    expect(pooling({ include_prompt: false })).toMatchObject([{}, { includePrompt: false }])
    expect(() => modes({ pooling_mode_cls_token: 1 })).toThrow('1_Pooling/config.json: pooling_mode_cls_token: is neither true nor false')
    expect(() => modes({ pooling_mode: [] })).toThrow('1_Pooling/config.json: pooling_mode: is neither')
    expect(() => modes({ pooling_mode: 3 })).toThrow('1_Pooling/config.json: pooling_mode: is neither')
    expect(() => modes({ pooling_mode: Array.from({ length: 7 }, () => 'mean') })).toThrow('pooling_mode: has 7 modes, and 6 are all')
    expect(() => modes({ include_prompt: 'no' })).toThrow('include_prompt: is neither true nor false')
  })
  it('are dense layers with their class of activation, norms, and what we do not know', () => {
    const listed = modules('Transformer', 'Pooling', 'Dense', 'Dropout', 'LayerNorm', 'Normalize', 'LSTM')
    const found = opened({
      'config.json': {},
      'modules.json': listed,
      '1_Pooling/config.json': {},
      '2_Dense/config.json': { out_features: 3, activation_function: 'torch.nn.modules.linear.Identity', bias: false },
      '4_LayerNorm/config.json': { dimension: 3 },
    }).sentenceModules()
    const vector = { input: 'sentence_embedding', output: 'sentence_embedding' }
    expect(found?.slice(2)).toMatchObject([
      {
        type: 'Dense',
        path: '2_Dense',
        width: 3,
        activation: 'torch.nn.modules.linear.Identity',
        bias: false,
        residual: false,
        ...vector,
        tensors: { location: './model/2_Dense' },
      },
      { type: 'LayerNorm', path: '4_LayerNorm', width: 3 },
      { type: 'Normalize', path: '5_Normalize', ...vector },
      { type: 'other', name: 'LSTM', path: '6_LSTM' },
    ])
    const plain = opened({ 'modules.json': modules('Dense'), '0_Dense/config.json': { out_features: 1 } }).sentenceModules()
    expect(plain).toMatchObject([{ activation: 'torch.nn.modules.activation.Tanh', bias: true }])
    const code = [{ path: '', type: 'custom_st.Transformer' }]
    expect(opened({ 'modules.json': code }).sentenceModules()).toEqual([{ type: 'other', name: 'custom_st.Transformer', path: '' }])
  })
  it('say what they read and write; a dense layer reads tokens where nothing pools, and in folders of PyLate', () => {
    const read = (types: readonly object[], config: object, settings: object = {}) =>
      opened({
        'modules.json': types,
        'config_sentence_transformers.json': settings,
        '1_Pooling/config.json': {},
        '1_Dense/config.json': { out_features: 1, ...config },
      })
        .sentenceModules()
        ?.flatMap(module => (module.type === 'Dense' ? [[module.input, module.output]] : []))
    const [tokens, vector] = ['token_embeddings', 'sentence_embedding']
    const [first, pool] = modules('Transformer', 'Pooling') as [object, object]
    const ours = { path: '1_Dense', type: 'sentence_transformers.base.modules.dense.Dense' }
    const theirs = { path: '1_Dense', type: 'pylate.models.Dense.Dense' }
    expect(read([first, ours], {})).toEqual([[tokens, tokens]])
    expect(read([first, pool, ours], {})).toEqual([[vector, vector]])
    expect(read([first, theirs, pool], {})).toEqual([[tokens, tokens]])
    expect(read([first, ours, pool], {}, { model_type: 'ColBERT' })).toEqual([[tokens, tokens]])
    expect(read([first, ours], { module_input_name: vector, module_output_name: 'other' })).toEqual([[vector, 'other']])
    expect(read([first, ours, pool], { module_input_name: tokens })).toEqual([[tokens, tokens]])
  })
  it('must have the folder of their settings, where they have any', () => {
    const without = (...types: readonly string[]) =>
      opened({ 'config.json': {}, 'modules.json': modules('Transformer', ...types) }).sentenceModules()
    for (const type of ['Pooling', 'Dense', 'LayerNorm'])
      expect(() => without(type)).toThrow(
        expect.objectContaining({ code: 'E_FILE_MISSING', what: `There is no file "1_${type}/config.json".` }),
      )
    expect(without('Normalize', 'Dropout')).toHaveLength(2)
  })
  it('are those of encoders of vectors alone', () => {
    const of = (type: string) =>
      opened({ 'modules.json': modules('Transformer'), 'config_sentence_transformers.json': { model_type: type } })
    expect(of('CrossEncoder').sentenceModules()).toBeUndefined()
    expect(of('SparseEncoder').sentenceModules()).toBeUndefined()
    expect(of('SentenceTransformer').sentenceModules()).toEqual([transformer])
  })
  it('have a transformer that says which output it takes', () => {
    const taken = (config: object, name = 'sentence_bert_config.json') =>
      opened({ 'modules.json': modules('Transformer'), [name]: config }).sentenceModules()
    const way = (output: Json, method = 'forward') => ({
      modality_config: { text: { method, method_output_name: output } },
      module_output_name: 'y',
    })
    expect(taken({ max_seq_length: 3 })).toEqual([transformer])
    expect(taken(way('pooler_output'), 'sentence_roberta_config.json')).toMatchObject([{ takes: 'pooler_output', output: 'y' }])
    expect(taken(way(['hidden_states', '2']))).toMatchObject([{ takes: 'hidden_states.2' }])
    expect(() => taken(way('text_embeds', 'get_text_features'))).toThrow('modality_config does not say')
    expect(() => taken({ transformer_task: 'fill-mask' })).toThrow('the transformer_task fill-mask gives no vectors of texts')
    expect(() => taken({ transformer_task: { a: [] } })).toThrow('the transformer_task {"a":[]} gives no vectors of texts')
  })
  it('that are broken are named', () => {
    expect(() => opened({ 'modules.json': {} }).sentenceModules()).toThrow('is not a list of modules')
    const many = modules(...Array.from({ length: 65 }, () => 'Normalize'))
    expect(() => opened({ 'modules.json': many }).sentenceModules()).toThrow('modules.json: lists 65 modules, and 64 are the most')
    const listed = (module: Json) => () => opened({ 'modules.json': [module] }).sentenceModules()
    for (const odd of [null, 1, 'Pooling', []]) expect(listed(odd)).toThrow('[0]: is no module')
    expect(listed({ type: { toString: 1 }, path: '' })).toThrow('[0].type: is not the name of a class')
    const type = 'sentence_transformers.models.Pooling'
    for (const path of ['../other', '/etc']) expect(listed({ type, path })).toThrow('does not stay inside the checkpoint')
    expect(listed({ type, path: 'missing' })).toThrow('missing/config.json')
    expect(listed({ type, path: 5 })).toThrow('[0].path: is not a path')
    // A name that every object has is no module of theirs.
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(listed({ type: `sentence_transformers.models.${name}`, path: '' })()).toEqual([{ type: 'other', name, path: '' }])
    expect(() => opened({ 'modules.json': [{ path: '' }] }).sentenceModules()).toThrow('[0].type: is not the name of a class')
    expect(() => opened({ 'modules.json': modules('Dense'), '0_Dense/config.json': {} }).sentenceModules()).toThrow(
      'out_features: is not a width',
    )
  })
})

describe('how vectors are used', () => {
  const settings = (config: object, listed: unknown = modules('Transformer', 'Pooling')) =>
    opened({ 'modules.json': listed, 'config_sentence_transformers.json': config }).sentenceSettings()
  it('is said by a file, or not at all', () => {
    expect(opened({ 'modules.json': [] }).sentenceSettings()).toBeUndefined()
    expect(settings({ __version__: {} })).toEqual({ prompts: {}, defaultPrompt: null, similarity: 'cosine' })
    expect(
      settings({ prompts: { query: 'q: ', passage: null }, default_prompt_name: 'query', similarity_fn_name: 'dot', truncate_dim: 8 }),
    ).toEqual({
      prompts: { query: 'q: ' },
      defaultPrompt: 'query',
      similarity: 'dot',
      truncateDim: 8,
    })
  })
  it('of tokens is by the best of each, and marks stand in front of prompts', () => {
    const pylate = { query_prefix: '[Q] ', document_prefix: '[D] ', prompts: { query: 'find: ', document: '[D] text' } }
    expect(settings(pylate, modules('Transformer'))).toEqual({
      prompts: { query: '[Q] find: ', document: '[D] text' },
      defaultPrompt: null,
      similarity: 'maxsim',
    })
    expect(settings({ similarity_fn_name: 'MaxSim' })).toMatchObject({ similarity: 'maxsim' })
  })
  it('must make sense', () => {
    expect(() => settings({ default_prompt_name: 'mine' })).toThrow('default_prompt_name: "mine" is none of the prompts')
    expect(() => settings({ truncate_dim: 0 })).toThrow('truncate_dim: is not a number of elements')
  })
})

it('the most tokens is the smallest number that is one', () => {
  expect(opened({ 'config.json': {} }).tokenLimit()).toBeUndefined()
  expect(opened({ 'tokenizer_config.json': { model_max_length: 128 } }).tokenLimit()).toBe(128)
  const both = { 'tokenizer_config.json': { model_max_length: 1e30 }, 'sentence_bert_config.json': { max_seq_length: 256 } }
  expect(opened(both).tokenLimit()).toBe(256)
  for (const limit of [0.5, 0, -1, '128', [], {}])
    expect(() => opened({ 'tokenizer_config.json': { model_max_length: limit } }).tokenLimit()).toThrow(
      'tokenizer_config.json: model_max_length: is no number of tokens',
    )
  expect(opened({ 'tokenizer_config.json': { model_max_length: null } }).tokenLimit()).toBeUndefined()
})

it('the image processor has a file of its own, or a part of the processor’s', () => {
  expect(opened({ 'config.json': {} }).imageProcessor()).toBeUndefined()
  expect(opened({ 'preprocessor_config.json': { do_resize: true } }).imageProcessor()).toEqual({
    file: 'preprocessor_config.json',
    settings: { do_resize: true },
  })
  expect(opened({ 'processor_config.json': { image_processor: { do_pad: true } } }).imageProcessor()).toEqual({
    file: 'processor_config.json',
    settings: { do_pad: true },
  })
  expect(opened({ 'processor_config.json': { processor_class: 'BlipProcessor' } }).imageProcessor()).toBeUndefined()
})

it('of both files the part of the processor’s counts, where it has one', () => {
  const own = { 'preprocessor_config.json': { do_resize: true } }
  expect(opened({ ...own, 'processor_config.json': { image_processor: { do_pad: true } } }).imageProcessor()).toEqual({
    file: 'processor_config.json',
    settings: { do_pad: true },
    earlier: { file: 'preprocessor_config.json', settings: { do_resize: true } },
  })
  // Before transformers 5 it says of the processor only what is not the image processor's.
  expect(opened({ ...own, 'processor_config.json': { processor_class: 'BlipProcessor', num_query_tokens: 32 } }).imageProcessor()).toEqual({
    file: 'preprocessor_config.json',
    settings: { do_resize: true },
  })
})
