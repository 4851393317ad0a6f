import { isJsonObject, type Json, type JsonObject, type TokenizerSource, tokenRoles } from '@silane/core'
import type { AddedToken } from './add-tokens.ts'
import type { OpenedWith, Overruling } from './overrule-tokenizer.ts'
import { readSettings, type SpecialToken } from './read-settings.ts'

/** A token that transformers adds to those of tokenizer.json, and what names it. */
interface Named extends SpecialToken {
  readonly by: string
  /** The id that a file gives it; transformers does not look at it. */
  readonly id?: number
}

/**
 * The tokens that the files beside tokenizer.json name, added as `PreTrainedTokenizerFast` of transformers 4 does it. One that is an
 * ordinary word becomes a token of its own, with the word's id.
 */
export function overruleTokens(file: JsonObject, { checkpoint, config, opened }: OpenedWith): Overruling {
  const same = { file, laid: [], left: [] }
  const listed = tokensOf(file)
  const model = vocabularyOf(file)
  if (!listed || !model) return same
  const { is } = opened
  const settings = readSettings(checkpoint, is === 'listed' ? bare(opened.source) : NONE)
  const decoder = config.added_tokens_decoder !== undefined
  const map = decoder ? {} : (checkpoint.json('special_tokens_map.json') ?? {})
  const mapped = isJsonObject(map) ? map : {}
  const named = (name: string): string => {
    if ((mapped[name] ?? null) !== null) return `${name} of special_tokens_map.json`
    return (config[name] ?? null) === null ? `${name}${OF_CLASS}` : `${name} of tokenizer_config.json`
  }
  const isOfClass = (name: string): boolean => !(name in mapped) && (decoder ? !isJsonObject(config[name] ?? null) : !(name in config))
  const extra = extraTokens(config.extra_special_tokens)
  const special: readonly Named[] = [
    ...tokenRoles.flatMap(role => {
      const token = settings.special.get(role)
      return token ? [{ ...token, by: named(`${role}_token`) }] : []
    }),
    ...settings.more.map(token => ({ ...token, by: named('additional_special_tokens') })),
    ...extra.tokens,
  ]
  const ofFirst = new Map([...special.entries()].reverse().map(([at, { content }]) => [content, at]))
  const source = decoder ? 'added_tokens_decoder of tokenizer_config.json' : 'added_tokens.json'
  // Without a decoder the file's own are listed with those of added_tokens.json, and take their places.
  const byId = new Map<number, Named>([...settings.added].map(([id, token]) => [id, { ...token, id, by: source }]))
  if (!decoder) for (const token of listed) byId.set(token.id, { ...token, by: special[ofFirst.get(token.content) ?? -1]?.by ?? source })
  const first = [...byId].sort(([a], [b]) => a - b).map(([, token]) => token)
  const known = new Set([...listed, ...first].map(({ content }) => content))
  // Of a role and without a decoder, those of the file count.
  const spelled = new Set([
    ...withFlags([config.additional_special_tokens, mapped.additional_special_tokens, ...(decoder ? roleTokens(config) : [])]),
    // Where no file says which it is, or it is a bare name and the decoder lacks it, the class spells the mask.
    ...(isOfClass('mask_token') && is === 'listed' && opened.source.tokens.mask?.lstrip ? [settings.special.get('mask')?.content] : []),
  ])
  const all = [
    ...first,
    ...special.filter(({ content }, at) => ofFirst.get(content) === at && (!known.has(content) || spelled.has(content))),
  ]

  const tokens = new Map(listed.map(token => [token.content, token]))
  /** What named those that got ids of their own. */
  const behind = new Set<string>()
  let next = listed.reduce((most, { id }) => Math.max(most, id + 1), model.size)
  const [laid, left]: [string[], string[]] = [[], [...extra.left]]
  for (const { by, id: asked, ...token } of all) {
    if (token.content === '') continue
    const own = tokens.get(token.content)
    const wanted = { ...token, special: token.special || ofFirst.has(token.content) || (own?.special ?? false) }
    if (own) {
      // Where a special token is looked for was settled as the file was read.
      const same = { ...wanted, id: own.id, normalized: own.special ? own.normalized : wanted.normalized }
      const other = flags.filter(flag => own[flag] !== same[flag])
      if (other.length === 0) continue
      tokens.set(token.content, same)
      laid.push(`${other.map(flag => `${flag} of ${name(token)} is ${same[flag]}`).join(', ')} by ${by}`)
      if (by.endsWith(OF_CLASS)) left.push(`transformers 5 leaves ${name(token)} as the file has it`)
      if (own.normalized !== same.normalized) left.push(`transformers looks for ${name(token)} in the text as it is and as normalized`)
      continue
    }
    const id = model.ids.get(token.content) ?? next++
    tokens.set(token.content, { ...wanted, id })
    const says = asked === undefined || asked === id ? '' : `, where it has the id ${asked}`
    laid.push(`${name(token)} is a${wanted.special ? ' special' : 'n added'} token of id ${id} by ${by}${says}`)
    if (!model.ids.has(token.content)) behind.add(by)
  }
  if (laid.length === 0) return { ...same, left }
  if (behind.has(EXTRA) && behind.size > 1) left.push(`transformers 5 gives the first ids to the tokens of ${EXTRA}`)
  return { file: { ...file, added_tokens: [...tokens.values()].map(token => ({ ...token })) }, laid, left }
}

const OF_CLASS = ' of its class'
const EXTRA = 'extra_special_tokens of tokenizer_config.json'

const flags = ['special', 'lstrip', 'rstrip', 'single_word', 'normalized'] as const

const name = ({ content }: SpecialToken): string => JSON.stringify(content.length > 40 ? `${content.slice(0, 40)}…` : content)

/** Of a class that is not known no token is. */
const NONE: TokenizerSource = { kind: 'bytes', classes: ['none'], tokens: {}, around: 'start' }

/** Beside a tokenizer.json the names that a class declares are bare strings, but for the mask. */
const bare = (source: TokenizerSource): TokenizerSource => ({
  ...source,
  tokens: Object.fromEntries(
    Object.entries(source.tokens).map(([role, { content, ...rest }]) => [
      role,
      { ...(content === undefined ? {} : { content }), ...(role === 'mask' ? rest : {}) },
    ]),
  ),
})

const flagged = (content: string, { single_word, lstrip, rstrip, normalized, special }: JsonObject): SpecialToken => ({
  content,
  single_word: single_word === true,
  lstrip: lstrip === true,
  rstrip: rstrip === true,
  normalized: normalized === true,
  special: special === true,
})

function tokensOf({ added_tokens: list = [] }: JsonObject): readonly AddedToken[] | undefined {
  if (!Array.isArray(list)) return undefined
  const tokens = list.map((token: Json): AddedToken | undefined => {
    if (!isJsonObject(token) || typeof token.content !== 'string' || typeof token.id !== 'number') return undefined
    const { id, content } = token
    return { id, ...flagged(content, token) }
  })
  const found = tokens.filter(token => token !== undefined)
  return found.length === tokens.length ? found : undefined
}

/** The ids of the words that the model has, and how many there are. */
function vocabularyOf({ model }: JsonObject): { readonly ids: ReadonlyMap<string, number>; readonly size: number } | undefined {
  if (!isJsonObject(model)) return undefined
  const { vocab } = model
  const entries: readonly (readonly [Json | undefined, Json])[] = Array.isArray(vocab)
    ? vocab.map((entry: Json, id) => [Array.isArray(entry) ? entry[0] : undefined, id] as const)
    : isJsonObject(vocab)
      ? Object.entries(vocab)
      : []
  const ids = new Map(entries.flatMap(([word, id]) => (typeof word === 'string' && typeof id === 'number' ? [[word, id] as const] : [])))
  return ids.size === 0 ? undefined : { ids, size: entries.length }
}

/** Tokens of a model of its own: by names, or in version 5 in a list. */
function extraTokens(extra: Json | undefined): { tokens: readonly Named[]; left: readonly string[] } {
  if ((extra ?? null) === null) return { tokens: [], left: [] }
  const values = Array.isArray(extra) ? extra : isJsonObject(extra) ? Object.values(extra) : undefined
  const tokens = values?.map((value: Json): Named | undefined => {
    const spelled = isJsonObject(value) ? value : { content: value }
    return typeof spelled.content === 'string' ? { ...flagged(spelled.content, spelled), special: true, by: EXTRA } : undefined
  })
  const found = tokens?.filter(token => token !== undefined) ?? []
  return { tokens: found, left: found.length === tokens?.length ? [] : [`${EXTRA} has what is no token`] }
}

const roleTokens = (config: JsonObject): readonly (Json | undefined)[] => tokenRoles.map(role => config[`${role}_token`])

/** Those that a file spells with their flags, which count over those of tokenizer.json. */
function withFlags(values: readonly (Json | undefined)[]): ReadonlySet<string> {
  const each = values.flatMap((value): readonly (Json | undefined)[] => (Array.isArray(value) ? value : [value]))
  return new Set(each.flatMap(value => (isJsonObject(value) && typeof value.content === 'string' ? [value.content] : [])))
}
