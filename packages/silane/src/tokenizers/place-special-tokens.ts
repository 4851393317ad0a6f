import type { JsonObject, TokenizerSource, TokenRole } from '@silane/core'
import { errors } from './errors.ts'
import type { TokenizerSettings } from './read-settings.ts'
import type { Vocabulary } from './vocabulary.ts'

interface Tokens {
  readonly vocabulary: Vocabulary
  readonly settings: TokenizerSettings
  readonly where: string
}

/** What puts special tokens around texts, as tokenizer.json says it. Throws E_SPECIAL_TOKEN. */
export function placeSpecialTokens(around: TokenizerSource['around'], tokens: Tokens): JsonObject {
  const { settings } = tokens
  if (around === 'start' && !settings.flag('add_bos_token', false)) {
    return { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true }
  }
  if (around === 'start') {
    const start = requireToken('bos', tokens)
    return template([piece(start, 0), text('A', 0)], [piece(start, 0), text('A', 0), text('B', 1)], [start])
  }
  const [cls, sep] = [requireToken('cls', tokens), requireToken('sep', tokens)]
  if (around === 'separated') {
    return {
      type: 'RobertaProcessing',
      sep: [sep.content, sep.id],
      cls: [cls.content, cls.id],
      trim_offsets: settings.flag('trim_offsets', true),
      add_prefix_space: settings.flag('add_prefix_space', false),
    }
  }
  const one = [piece(cls, 0), text('A', 0), piece(sep, 0)]
  return template(one, [...one, text('B', 1), piece(sep, 1)], [cls, sep])
}

interface Found {
  readonly content: string
  readonly id: number
}

/** A token that stands in every sequence must be one that the model has: transformers would make up an id for it. */
export function requireToken(role: TokenRole, { vocabulary, settings, where }: Tokens): Found {
  const content = settings.special.get(role)?.content
  if (content === undefined) throw errors.E_SPECIAL_TOKEN({ token: 'a token', purpose: `${role}_token`, where })
  const own = [...settings.added].find(([, token]) => token.content === content)?.[0]
  const id = own ?? vocabulary.get(content)
  if (id === undefined) throw errors.E_SPECIAL_TOKEN({ token: JSON.stringify(content), purpose: `${role}_token`, where })
  return { content, id }
}

const piece = ({ content }: Found, type_id: number): JsonObject => ({ SpecialToken: { id: content, type_id } })

const text = (id: 'A' | 'B', type_id: number): JsonObject => ({ Sequence: { id, type_id } })

const template = (single: readonly JsonObject[], pair: readonly JsonObject[], tokens: readonly Found[]): JsonObject => ({
  type: 'TemplateProcessing',
  single,
  pair,
  special_tokens: Object.fromEntries(tokens.map(({ content, id }) => [content, { id: content, ids: [id], tokens: [content] }])),
})
