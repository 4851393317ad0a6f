import { type Checkpoint, isJsonObject, type Json, type JsonObject, type TokenizerSource, type TokenRole, tokenRoles } from '@silane/core'
import { errors } from './errors.ts'
import { readVocabulary } from './read-vocabulary.ts'

/** A token that is looked for in the text before anything else, as tokenizer.json spells it, without its id. */
export interface SpecialToken {
  readonly content: string
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  readonly normalized: boolean
  readonly special: boolean
}

/** What the files beside a vocabulary say, and the class's own where they say nothing. */
export interface TokenizerSettings {
  /** tokenizer_config.json as it is, or empty. */
  readonly config: JsonObject
  /** By what they are for. */
  readonly special: ReadonlyMap<TokenRole, SpecialToken>
  readonly more: readonly SpecialToken[]
  /** Tokens with ids of their own, by these. */
  readonly added: ReadonlyMap<number, SpecialToken>
  /** A flag of tokenizer_config.json. */
  flag(name: string, otherwise: boolean): boolean
}

const CONFIG = 'tokenizer_config.json'
const SPECIAL = 'special_tokens_map.json'
const ADDED = 'added_tokens.json'

/**
 * Reads tokenizer_config.json, special_tokens_map.json and added_tokens.json in the order in which transformers lets them count: a file
 * that says `added_tokens_decoder` says everything, and before there was such a thing special_tokens_map.json came first.
 */
export function readSettings(checkpoint: Checkpoint, source: TokenizerSource): TokenizerSettings {
  const where = checkpoint.location
  const refuse = (file: string, problem: string) => errors.E_TOKENIZER_SETTINGS({ file, problem, where })
  const config = objectIn(checkpoint, CONFIG, refuse)
  const decoder = config.added_tokens_decoder
  const map = decoder === undefined ? objectIn(checkpoint, SPECIAL, refuse) : {}

  const added = new Map<number, SpecialToken>()
  if (decoder !== undefined) {
    if (!isJsonObject(decoder)) throw refuse(CONFIG, 'added_tokens_decoder is no object')
    for (const [key, value] of Object.entries(decoder)) {
      const id = Number(key)
      if (!/^\d{1,8}$/.test(key) || !isJsonObject(value))
        throw refuse(CONFIG, `added_tokens_decoder has ${JSON.stringify(key)}, which is no token by its id`)
      added.set(
        id,
        spelled(value, false, problem => refuse(CONFIG, problem)),
      )
    }
  }
  const listed = new Map([...added.values()].map(token => [token.content, token]))
  /** Those whose flags a file or the class says. */
  const shaped = new Map<string, SpecialToken>()
  /** As a file spells it; of a bare string the flags are those that the class declares for its role. */
  const token = (file: string, value: Json, declared: Partial<SpecialToken>): SpecialToken => {
    const made =
      typeof value === 'string'
        ? plain(value, { special: true, ...declared })
        : isJsonObject(value)
          ? spelled(value, file === SPECIAL, problem => refuse(file, problem))
          : undefined
    if (!made) throw refuse(file, `${JSON.stringify(value)} is no token`)
    if (typeof value !== 'string' || Object.keys(declared).length > 0) shaped.set(made.content, made)
    return listed.get(made.content) ?? made
  }

  const special = new Map<TokenRole, SpecialToken>()
  for (const role of tokenRoles) {
    const name = `${role}_token`
    const [file, value] = name in map ? [SPECIAL, map[name]] : [CONFIG, config[name]]
    const { content, ...flags } = source.tokens[role] ?? {}
    // Null takes away what the class declares.
    const named = value === undefined ? content : value
    if (named !== undefined && named !== null && named !== '') special.set(role, token(file, named, flags))
  }
  const lists = [
    [CONFIG, config.additional_special_tokens],
    [SPECIAL, map.additional_special_tokens],
  ] as const
  const more = new Map<string, SpecialToken>()
  for (const [file, list] of lists) {
    if (list === undefined || list === null) continue
    if (!Array.isArray(list)) throw refuse(file, 'additional_special_tokens is no list')
    for (const value of list) {
      const found = token(file, value, {})
      if (!more.has(found.content)) more.set(found.content, found)
    }
  }
  if (decoder === undefined && checkpoint.has(ADDED)) {
    const names = new Set([...special.values(), ...more.values()].map(({ content }) => content))
    for (const [content, id] of readVocabulary(checkpoint, ADDED)) {
      const is = names.has(content)
      added.set(id, shaped.get(content) ?? plain(content, { special: is, normalized: !is }))
    }
  }
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = config[name] ?? otherwise
    if (typeof value !== 'boolean') throw refuse(CONFIG, `${name} is ${JSON.stringify(value)}, and neither true nor false`)
    return value
  }
  return { config, special, more: [...more.values()], added, flag }
}

const plain = (content: string, flags: Partial<SpecialToken>): SpecialToken => ({
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
  ...flags,
})

/** A token with its flags. Without a word on it, one that is not said to be special is normalized. */
function spelled(json: JsonObject, special: boolean, refuse: (problem: string) => Error): SpecialToken {
  const { content } = json
  if (typeof content !== 'string') throw refuse(`${JSON.stringify(json)} is no token`)
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = json[name] ?? otherwise
    if (typeof value !== 'boolean') throw refuse(`${name} of ${JSON.stringify(content)} is ${JSON.stringify(value)}`)
    return value
  }
  const is = special || flag('special', false)
  return {
    content,
    single_word: flag('single_word', false),
    lstrip: flag('lstrip', false),
    rstrip: flag('rstrip', false),
    normalized: flag('normalized', !is),
    special: is,
  }
}

function objectIn(checkpoint: Checkpoint, file: string, refuse: (file: string, problem: string) => Error): JsonObject {
  const json = checkpoint.json(file) ?? {}
  if (!isJsonObject(json)) throw refuse(file, 'it is no object')
  return json
}
