import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OpenCheckpoint } from '@silane/checkpoint'
import { denseConstant, Weights } from '@silane/core'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { findPlugin, loadModel, openModel } from '../src/convert/prepare-model.ts'
import { unreadWarning, watchTensors } from '../src/convert/unread-tensors.ts'
import { inspect } from '../src/inspect/inspect.ts'
import { copyOf, temporary } from './workspace.ts'

const extra = denseConstant('fp32', [2], Float32Array.of(1, 2))

/** What is left of a fixture with further tensors in its file. */
async function load(fixture: string, change: (checkpoint: OpenCheckpoint) => Partial<OpenCheckpoint>, task?: string) {
  const options = { model: fileURLToPath(new URL(`../../../plugins/${fixture}`, import.meta.url)), plugins: [], task }
  const opened = await openModel(options)
  try {
    const checkpoint = { ...opened, ...change(opened) }
    return await loadModel(checkpoint, await findPlugin(checkpoint, options), options)
  } finally {
    opened.close()
  }
}

const withTensors =
  (...names: readonly string[]) =>
  (base: OpenCheckpoint): Partial<OpenCheckpoint> => ({
    tensorNames: [...base.tensorNames, ...names],
    tensor: name => (names.includes(name) ? extra : base.tensor(name)),
  })

test('a tensor that nothing reads is told, unless it is a buffer or of another head', async () => {
  const known = ['bert.embeddings.position_ids', 'cls.seq_relationship.weight', 'qa_outputs.bias']
  const strange = ['bert.encoder.layer.0.attention.self.query.gate', 'bert.encoder.layer.7.output.dense.weight', 'classifier2.weight']
  const { unread } = await load('bert/fixtures/text-classification', withTensors(...known, ...strange))
  expect(unread).toEqual(strange)
  expect((await load('bert/fixtures/text-classification', () => ({}))).unread).toEqual([])
})

test('a head is left without a word where the task is another, but not what an adapter has changed of it', async () => {
  const fixture = 'bert/fixtures/text-classification'
  expect((await load(fixture, () => ({}), 'feature-extraction')).unread).toEqual([])
  const changed = (await load(fixture, () => ({ changed: ['classifier.weight'] }), 'feature-extraction')).unread
  expect(changed).toEqual(['classifier.weight'])
})

test('another name of a tensor that was read is no other tensor', async () => {
  const { unread } = await load('bert/fixtures/text-classification', base => ({
    tensorNames: [...base.tensorNames, 'copy.weight'],
    tensor: name => base.tensor(name === 'copy.weight' ? 'classifier.weight' : name),
  }))
  expect(unread).toEqual([])
})

test('to ask for a tensor is not to take it', async () => {
  const opened = await openModel({ model: fileURLToPath(new URL('../../../plugins/bert/fixtures/text-classification', import.meta.url)) })
  const { checkpoint, unread } = watchTensors(opened)
  const w = new Weights(checkpoint)
  expect([w.has('classifier.bias'), w.has('classifier.gate')]).toEqual([true, false])
  expect(unread([])).toContain('classifier.bias')
  expect(w.optional('classifier.bias', [3])).toBeDefined()
  expect(unread([])).not.toContain('classifier.bias')
  opened.close()
})

test('the sentence names some of them', () => {
  expect(unreadWarning(['a'], 'plugin')).toMatchInlineSnapshot(
    `"one tensor of the checkpoint is not in the converted model, and plugin does not know it as a buffer or as part of another head: a"`,
  )
  const many = Array.from({ length: 10 }, (_, i) => `t${i}`)
  expect(unreadWarning(many, 'plugin')).toMatchInlineSnapshot(
    `"10 tensors of the checkpoint are not in the converted model, and plugin does not know them as a buffer or as part of another head: t0, t1, t2, t3, t4, t5, t6, t7 and 2 more"`,
  )
})

test('convert warns, and inspect shows them', async () => {
  const model = copyOf('text-classification')
  const file = join(model, 'model.safetensors')
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  const end = bytes.length - 8 - length
  header['bert.encoder.gate'] = { dtype: 'F32', shape: [1], data_offsets: [end, end + 4] }
  const text = Buffer.from(JSON.stringify(header))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(file, Buffer.concat([size, text, bytes.subarray(8 + length), Buffer.alloc(4)]))

  const out = join(temporary(), 'out')
  const { report } = await convert({ model, out, seq: [8], targets: ['onnx'], validate: false })
  expect(report.unread).toEqual(['bert.encoder.gate'])
  expect(report.warnings).toEqual([unreadWarning(['bert.encoder.gate'], '@silane/plugin-bert')])
  expect(await inspect({ model, seq: [8] })).toMatchObject({ model: { unread: ['bert.encoder.gate'] } })
})

test('a quantised checkpoint is refused before a plugin is looked for, and its tensors can be looked at', async () => {
  const model = copyOf('text-classification')
  const file = join(model, 'config.json')
  writeFileSync(file, JSON.stringify({ model_type: 'nobody-knows', quantization_config: { quant_method: 'awq' } }))
  await expect(convert({ model, out: join(temporary(), 'out') })).rejects.toMatchObject({ code: 'E_TENSOR_DTYPE', exitCode: 2 })
  const found = await inspect({ model })
  expect(found).toMatchObject({ problem: { code: 'E_TENSOR_DTYPE', what: expect.stringContaining('quant_method "awq"') } })
  expect(found.kind === 'checkpoint' && found.tensors.length).toBeGreaterThan(10)
})

test('code that came with a checkpoint is mentioned, unless a plugin computes what it does', async () => {
  const map = { AutoConfig: 'configuration_x.XConfig', AutoModel: 'modeling_x.XModel' }
  const { notes } = await load('bert/fixtures/base', ({ config }) => ({ config: { ...config, auto_map: map } }))
  expect(notes).toMatchInlineSnapshot(`
    [
      "config.json: auto_map names code that came with the checkpoint (configuration_x.XConfig, modeling_x.XModel); it is not run, and the model is taken as BertModel",
    ]
  `)
  expect((await load('mosaicbert/fixtures/base', () => ({}))).notes?.filter(note => note.includes('auto_map'))).toEqual([])
})

test('tensors that the configuration ties and that differ are told, where versions take one or each', async () => {
  const told = async (config: object) => {
    const { notes } = await load('t5/fixtures/flan', base => ({ config: { ...base.config, ...config } }))
    return notes?.filter(note => note.includes('differs from')) ?? []
  }
  expect(await told({})).toEqual([])
  expect(await told({ tie_word_embeddings: true })).toEqual([
    'lm_head.weight differs from shared.weight, although the configuration ties them; each is taken as it is, as by transformers 5, where version 4 takes the latter for both',
  ])
  expect(await told({ tie_word_embeddings: true, transformers_version: '5.1.0' })).toEqual([])
  expect((await load('t5/fixtures/text2text', () => ({}))).notes?.filter(note => note.includes('differs from'))).toEqual([])
})
