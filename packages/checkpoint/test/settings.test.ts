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

describe('what sentence-transformers runs after the transformer', () => {
  const pooling = (config: object) =>
    opened({ 'config.json': {}, 'modules.json': modules('Transformer', 'Pooling'), '1_Pooling/config.json': config }).sentenceModules()
  const modes = (config: object) => pooling(config)?.map(module => (module.type === 'Pooling' ? module.modes : undefined))

  it('is nothing without its file', () => {
    expect(opened({ 'config.json': {} }).sentenceModules()).toBeUndefined()
    expect(opened({ 'config.json': {}, 'modules.json': [] }).sentenceModules()).toEqual([])
  })
  it('is pooling, by flags or by words, the mean where neither says', () => {
    expect(pooling({ pooling_mode_cls_token: true })).toEqual([{ type: 'Pooling', path: '1_Pooling', modes: ['cls'] }])
    expect(modes({})).toEqual([['mean']])
    expect(modes({ pooling_mode_weightedmean_tokens: true, pooling_mode_mean_tokens: false })).toEqual([['weightedmean']])
    expect(modes({ pooling_mode_mean_tokens: true, pooling_mode_cls_token: true })).toEqual([['cls', 'mean']])
    expect(modes({ pooling_mode: 'max' })).toEqual([['max']])
    expect(modes({ pooling_mode: ['cls', 'lasttoken'] })).toEqual([['cls', 'lasttoken']])
  })
  it('is dense layers with their class of activation, norms, and what we do not know', () => {
    const listed = modules('Transformer', 'Dense', 'Dropout', 'Normalize', 'LSTM')
    const dense = { out_features: 3, activation_function: 'torch.nn.modules.linear.Identity' }
    const found = opened({ 'config.json': {}, 'modules.json': listed, '1_Dense/config.json': dense }).sentenceModules()
    expect(found).toMatchObject([
      { type: 'Dense', path: '1_Dense', width: 3, activation: 'Identity', tensors: { location: './model/1_Dense' } },
      { type: 'Normalize', path: '3_Normalize' },
      { type: 'other', name: 'LSTM', path: '4_LSTM' },
    ])
    const plain = opened({ 'modules.json': modules('Dense'), '0_Dense/config.json': { out_features: 1 } }).sentenceModules()
    expect(plain).toMatchObject([{ activation: 'Tanh' }])
  })
})

it('the most tokens is the smallest number that is one', () => {
  expect(opened({ 'config.json': {} }).tokenLimit()).toBeUndefined()
  expect(opened({ 'tokenizer_config.json': { model_max_length: 128 } }).tokenLimit()).toBe(128)
  const both = { 'tokenizer_config.json': { model_max_length: 1e30 }, 'sentence_bert_config.json': { max_seq_length: 256 } }
  expect(opened(both).tokenLimit()).toBe(256)
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
  })
  // Before transformers 5 it says of the processor only what is not the image processor's.
  expect(opened({ ...own, 'processor_config.json': { processor_class: 'BlipProcessor', num_query_tokens: 32 } }).imageProcessor()).toEqual({
    file: 'preprocessor_config.json',
    settings: { do_resize: true },
  })
})
