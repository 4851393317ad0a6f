import { fileURLToPath } from 'node:url'
import { printProgram } from '@silane/core'
import { expect, test } from 'vitest'
import { findPlugin, loadModel, openModel } from '../src/convert/prepare-model.ts'

/** The programs of a fixture, its table of embeddings stored under the name given. */
async function programs(fixture: string, stored?: { name: string; as: string; config?: object }): Promise<readonly string[]> {
  const options = { model: fileURLToPath(new URL(`../../../plugins/${fixture}`, import.meta.url)), plugins: [] }
  const checkpoint = await openModel(options)
  const names = checkpoint.tensorNames.filter(name => name !== stored?.as)
  const renamed = {
    ...checkpoint,
    config: { ...checkpoint.config, ...stored?.config },
    tensorNames: names.map(name => (name === stored?.name ? stored.as : name)),
    tensor: (name: string) => {
      if (name === stored?.name) return undefined
      return checkpoint.tensor(name === stored?.as ? stored.name : name)
    },
  }
  try {
    const model = await loadModel(renamed, await findPlugin(renamed, options), options)
    return model.programs.map(printProgram)
  } finally {
    checkpoint.close()
  }
}

test.each([
  ['gpt2/fixtures/text-generation', 'transformer.wte.weight', 'lm_head.weight'],
  ['roberta/fixtures/fill-mask', 'roberta.embeddings.word_embeddings.weight', 'lm_head.decoder.weight'],
  ['bart/fixtures/text2text', 'model.shared.weight', 'lm_head.weight'],
  ['bert/fixtures/fill-mask', 'bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'],
  ['distilbert/fixtures/fill-mask', 'distilbert.embeddings.word_embeddings.weight', 'vocab_projector.weight'],
  ['albert/fixtures/fill-mask', 'albert.embeddings.word_embeddings.weight', 'predictions.decoder.weight'],
  ['opt/fixtures/text-generation', 'model.decoder.embed_tokens.weight', 'lm_head.weight'],
  ['realm/fixtures/knowledge-augmented-encoder', 'realm.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'],
])('%s: a tied table is found under the one name that is left of two, and only if it is tied', async (fixture, name, as) => {
  expect(await programs(fixture, { name, as })).toEqual(await programs(fixture))
  await expect(programs(fixture, { name, as, config: { tie_word_embeddings: false } })).rejects.toMatchObject({ code: 'E_TENSOR_MISSING' })
})
