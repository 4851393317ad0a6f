import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

// silane runs programs by what their ports and the pipeline say (docs/architecture.md). A name of a program, of a family or of an
// input in its sources would be a case for one model that the next one falls out of.

const root = fileURLToPath(new URL('../../..', import.meta.url))

const programs = [
  'decoder',
  'embed_tokens',
  'embedder',
  'encoder',
  'itm',
  'model',
  'prompt_encoder_mask_decoder',
  'qformer',
  'question_encoder',
  'reader',
  'scorer',
  'text_encoder',
  'vision_encoder',
]

const tensors = [
  'attention_mask',
  'bbox',
  'cross_key',
  'cross_value',
  'decoder_attention_mask',
  'decoder_input_ids',
  'encoder_attention_mask',
  'encoder_hidden_states',
  'image_embeddings',
  'image_embeds',
  'input_boxes',
  'input_ids',
  'input_labels',
  'input_masks',
  'input_points',
  'inputs_embeds',
  'iou_scores',
  'key_cache',
  'key_update',
  'last_hidden_state',
  'pixel_values',
  'pooler_output',
  'position_ids',
  'pred_masks',
  'query_embeds',
  'query_output',
  'text_embeds',
  'token_type_ids',
  'value_cache',
  'value_update',
]

/** Families by the ids and model types of the plugins there are, and some that there may be. */
const families = [
  ...new Set(
    globSync('plugins/*/package.json', { cwd: root }).flatMap(file => {
      const { silane } = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
        silane: { id: string; claims: { modelType?: string }[] }
      }
      return [silane.id, ...silane.claims.flatMap(({ modelType }) => modelType ?? [])]
    }),
  ),
  ...['blip', 'blip2', 'blip-2', 'decision_transformer', 'opt', 'perceiver', 'rag', 'realm', 'retro', 'sam'],
]

/** Files that name what they should not, each with the reason. */
const allowed: Readonly<Record<string, string>> = {
  'packages/silane/src/generate/generation-config.ts': 'the sections of config.json in which transformers looks for settings of generation',
  'packages/silane/src/generate/tokenizer-thread.ts': "the tokenizers library's own name for segments, which no port is looked up by",
  'packages/silane/src/generate/tokenizer-worker.ts': "the tokenizers library's own name for segments",
  'packages/silane/src/plugins/known-plugins.ts': 'the table of what is ours, generated from the plugins',
}

const token =
  /\/\*[\s\S]*?\*\/|\/\/.*|(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|`(?<template>(?:\\.|[^`\\])*)`|(?<=[(,=:[!&|?{};>]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/|(?<word>[\p{L}_$][\p{L}\p{N}_$]*)/gu

interface Words {
  /** Literals without their quotes, and the parts of templates. */
  readonly literals: readonly string[]
  readonly identifiers: readonly string[]
}

/** Strings and identifiers of a source, comments and module names left out. */
function wordsOf(source: string): Words {
  const literals: string[] = []
  const identifiers: string[] = []
  // Module names name files, and the keys of a type are not texts.
  const code = source.replaceAll(/\bfrom '[^']*'|\bimport\('[^']*'\)|\b(?:Pick|Omit)<[^<>]*(?:<[^<>]*>[^<>]*)*>/g, '')
  for (const { groups = {} } of code.matchAll(token)) {
    const { text, template, word } = groups
    if (text !== undefined) literals.push(text.slice(1, -1))
    if (template !== undefined) {
      literals.push(...template.split(/\$\{[^}]*\}?/))
      for (const [, inside = ''] of template.matchAll(/\$\{([^}]*)/g)) {
        const inner = wordsOf(inside)
        literals.push(...inner.literals)
        identifiers.push(...inner.identifiers)
      }
    }
    if (word !== undefined) identifiers.push(word)
  }
  return { literals, identifiers }
}

/**
 * The names that a source holds: a program as a whole literal, since `model` and `encoder` are words as well; one with an
 * underscore, and an input, also within a text or as a key; a family as a word of a text.
 */
function namesIn(source: string): readonly string[] {
  const { literals, identifiers } = wordsOf(source)
  const parts = new Set([...identifiers, ...literals.flatMap(text => text.match(/[\p{L}\p{N}_]+/gu) ?? [])])
  const texts = ` ${literals.join(' \n ')} `
  const word = (name: string) => new RegExp(`(?<![\\p{L}\\p{N}_])${name}(?![\\p{L}\\p{N}_])`, 'u').test(texts)
  return [
    ...programs.filter(
      name => literals.some(text => text === name || text.startsWith(`${name}.`)) || (name.includes('_') && parts.has(name)),
    ),
    ...tensors.filter(name => parts.has(name)),
    ...families.filter(word),
  ]
}

describe('names in the sources of silane', () => {
  it.each(globSync('packages/silane/src/**/*.ts', { cwd: root }).map(file => file.replaceAll('\\', '/')))('%s has none', file => {
    const found = namesIn(readFileSync(join(root, file), 'utf8'))
    if (allowed[file] === undefined) expect(found).toEqual([])
  })

  it.each([
    ["programs.get('model')", ['model']],
    ['const path = `model.$' + '{kind}`', ['model']],
    ['const path = `$' + '{folder}/$' + "{part ? 'decoder' : ''}`", ['decoder']],
    ["steps.some(step => step.call === 'vision_encoder')", ['vision_encoder']],
    ['things.inputs_embeds', ['inputs_embeds']],
    ['`feed input_ids, then $' + '{next}`', ['input_ids']],
    ["npm install '@silane/plugin-bert'", ['bert']],
    ["if (modelType === 't5') return", ['t5']],
    ["const quote = /['\"]/, name = 'itm'", ['itm']],
    ["import { a } from './encoder.ts' // input_ids of bert", []],
    ["throw new Error('the model has no decoder')", []],
    ["type A = Omit<Options<'x'>, 'model'>", []],
  ])('finds those of %s', (source, names) => expect(namesIn(source)).toEqual(names))
})
