import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import type { Checkpoint, Json } from '@silane/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import realm from '../src/index.ts'

interface Change {
  readonly config?: Readonly<Record<string, Json>>
  readonly task?: string
  readonly options?: { readonly seq?: readonly number[] | undefined; readonly batch?: number; readonly 'question-seq'?: number }
  /** The class that is asked for; default: that of the fixture. */
  readonly architecture?: string
  /** Tensors that begin like this are not there. */
  readonly without?: string
}

/** What loading a fixture gives when its files or the user say something else. */
async function load(fixture: string, { config = {}, task, options = {}, architecture, without }: Change = {}) {
  const base = await openCheckpoint(fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url)))
  onTestFinished(() => base.close())
  const lacks = (name: string): boolean => without !== undefined && name.startsWith(without)
  const checkpoint: Checkpoint = {
    ...base,
    config: { ...base.config, ...config },
    tensorNames: base.tensorNames.filter(name => !lacks(name)),
    tensor: name => (lacks(name) ? undefined : base.tensor(name)),
  }
  const [declared = ''] = base.config.architectures as string[]
  const own = architecture ?? declared
  const given = { seq: [24], batch: 1, 'question-seq': undefined, ...options }
  return realm.load({ checkpoint, architecture: own, task: task ?? realm.tasks[own] ?? '', options: given })
}

const signature = ({ programs }: Awaited<ReturnType<typeof load>>) =>
  programs.map(({ name, functions }) => [
    name,
    ...functions.map(({ outputs }) => outputs.map(output => `${output.name} ${output.value.type.shape}`).join('; ')),
  ])

describe('refused', () => {
  test.each<[string, string, Change, string]>([
    ['a decoder', 'embedder', { config: { is_decoder: true } }, 'is_decoder: only encoders are supported'],
    ['heads that do not fit', 'embedder', { config: { num_attention_heads: 5 } }, 'num_attention_heads: does not divide'],
    ['no passage', 'reader', { config: { reader_beam_size: 0 } }, 'reader_beam_size'],
    ['fewer tokens than an answer has', 'reader', { options: { seq: [3] } }, '--seq: 3 tokens are fewer than'],
    ['more tokens than positions', 'reader', { options: { seq: [41] } }, "--seq: 41 is more than the model's 40"],
    ['a question without an embedder', 'reader', { options: { 'question-seq': 9 } }, 'question-seq: this checkpoint has no embedder'],
    ['a question longer than the positions', 'open-qa', { options: { 'question-seq': 41 } }, 'question-seq: 41 is more than'],
    ['two lengths for two programs', 'open-qa', { options: { seq: [16, 24] } }, '--seq: this task takes one length'],
    ['another span size than is stored', 'reader', { config: { span_hidden_size: 12 } }, 'qa_outputs.dense_intermediate.weight'],
    ['an embedder to read with', 'embedder', { task: 'question-answering' }, 'qa_outputs.dense_intermediate.weight'],
  ])('%s', async (_, fixture, change, message) => {
    await expect(load(fixture, change)).rejects.toThrow(message)
  })
})

test('the reader is as long as reader_seq_len says, and no longer than the positions', async () => {
  const shortest = await load('reader', { options: { seq: undefined }, config: { reader_seq_len: 9 } })
  expect(shortest.options).toEqual({ seq: 9 })
  expect((await load('reader', { options: { seq: undefined } })).options).toEqual({ seq: 40 })
})

test('rows follow from the batch and num_candidates', async () => {
  expect(signature(await load('scorer', { options: { batch: 2 } }))).toEqual([['scorer', 'relevance_score 2,3']])
  expect(signature(await load('knowledge-augmented-encoder', { options: { batch: 2, seq: [8, 16] } }))).toEqual([
    ['knowledge_augmented_encoder', 'logits 6,8,211', 'logits 6,16,211'],
  ])
})

test.each(['embedder.', 'query_embedder.'])('of one embedder under two names, a file without %s has the other', async without => {
  expect(signature(await load('scorer', { without }))).toEqual([['scorer', 'relevance_score 1,3']])
})

test('without architectures the tensors tell a scorer and an open QA checkpoint', async () => {
  expect(signature(await load('scorer', { architecture: 'RealmEmbedder' }))).toEqual(signature(await load('scorer')))
  expect(signature(await load('open-qa', { architecture: 'RealmReader' }))).toEqual(signature(await load('open-qa')))
})

test('an open QA checkpoint says that its blocks stay out, and gives its embedder alone', async () => {
  const { programs, notes, pipeline } = await load('open-qa', { options: { 'question-seq': 13 } })
  expect(notes).toEqual([expect.stringContaining('block_emb')])
  expect(programs.map(({ name, functions }) => [name, functions[0]?.inputs[0]?.type.shape])).toEqual([
    ['embedder', [1, 13]],
    ['reader', [3, 24]],
  ])
  // Two inputs of one name are two things.
  const [, reader] = pipeline.steps
  expect(reader).toMatchObject({ call: 'reader', feeds: { input_ids: 'candidate_input_ids', block_mask: 'block_mask' } })
  const embedder = await load('open-qa', { task: 'feature-extraction' })
  expect(signature(embedder)).toEqual([['embedder', 'projected_score 1,20']])
  expect(embedder.notes).toEqual([expect.stringContaining('block_emb')])
})
