import { isJsonObject, type Json, type JsonObject } from '@silane/core'
import type { OpenedWith, Overruling } from './overrule-tokenizer.ts'

/** How text is split into words: its case, accents and ideographs, and the space in front of it. */
export function overruleWords(file: JsonObject, opened: OpenedWith): Overruling {
  const normalizer = overruleNormalizer(file, opened)
  const prefix = overrulePrefix(normalizer.file, opened)
  return { file: prefix.file, laid: [...normalizer.laid, ...prefix.laid], left: [...normalizer.left, ...prefix.left] }
}

const CONFIG = 'tokenizer_config.json'

/** By the classes' names, what tokenizer.json calls the settings of word pieces. */
const SETTINGS = {
  do_lower_case: 'lowercase',
  strip_accents: 'strip_accents',
  tokenize_chinese_chars: 'handle_chinese_chars',
} as const

type Setting = keyof typeof SETTINGS

const settings = Object.keys(SETTINGS) as readonly Setting[]

function overruleNormalizer(file: JsonObject, { config, opened }: OpenedWith): Overruling {
  const same = { file, laid: [], left: [] }
  const own = file.normalizer ?? null
  const isPieces = isJsonObject(own) && own.type === 'BertNormalizer'
  const said = settings.filter(name => (config[name] ?? null) !== null)
  const off = (name: Setting): boolean => isJsonObject(own) && (own[SETTINGS[name]] ?? null) !== config[name]
  if (opened.is === 'other') {
    const other = isPieces ? said.find(off) : undefined
    return other === undefined
      ? same
      : { ...same, left: [`${other} of ${CONFIG} is ${show(config[other])}, and ${opened.name ?? 'its class'} may lay it over the file`] }
  }
  if (opened.is === 'generic' || opened.source.kind !== 'wordpiece') return same
  if (!isPieces) {
    const reason =
      'its normalizer is none of word pieces; transformers 4 takes it or refuses the file, transformers 5 puts its own in its place'
    return { ...same, left: [reason] }
  }
  const wrong = said.find(name => typeof config[name] !== 'boolean')
  if (wrong !== undefined) return { ...same, left: [`${wrong} of ${CONFIG} is ${show(config[wrong])}, and neither true nor false`] }

  const lowercase = opened.source.lowercase ?? false
  const wanted = {
    lowercase: config.do_lower_case ?? lowercase,
    strip_accents: config.strip_accents ?? null,
    handle_chinese_chars: config.tokenize_chinese_chars ?? true,
  }
  const [before, after] = [effect(own), effect(wanted)]
  const changed = settings.filter(name => before[SETTINGS[name]] !== after[SETTINGS[name]])
  if (changed.length === 0) return same
  const laid = changed.map(name => {
    const key = SETTINGS[name]
    // Accents go with the case where nothing is said of them.
    const by = said.includes(name) ? `by ${CONFIG}` : 'by default of its class'
    return `${name} is ${after[key]} ${by}, and the file said ${before[key]}`
  })
  return { ...same, file: { ...file, normalizer: { ...own, ...wanted } }, laid }
}

/** What a normalizer does: where nothing is said of accents, lower case takes them away. */
const effect = ({ lowercase, strip_accents, handle_chinese_chars }: JsonObject) => ({
  lowercase: lowercase ?? true,
  strip_accents: strip_accents ?? lowercase ?? true,
  handle_chinese_chars: handle_chinese_chars ?? true,
})

/** All fast classes of transformers 4 set it, and where nothing is said it is false. */
function overrulePrefix(file: JsonObject, { config, opened }: OpenedWith): Overruling {
  const same = { file, laid: [], left: [] }
  const words = file.pre_tokenizer
  const wanted = 'add_prefix_space' in config ? config.add_prefix_space : false
  // Of a pre-tokenizer without one there is none to set, and what is neither true nor false is left out by transformers.
  if (!isJsonObject(words) || typeof words.add_prefix_space !== 'boolean' || typeof wanted !== 'boolean') return same
  if (words.add_prefix_space === wanted || (opened.is === 'generic' && opened.newer)) return same
  const by = 'add_prefix_space' in config ? `by ${CONFIG}` : 'where no file says otherwise'
  return {
    file: { ...file, pre_tokenizer: { ...words, add_prefix_space: wanted } },
    laid: [`add_prefix_space is ${wanted} ${by}, and the file said ${!wanted}`],
    left: opened.is === 'listed' ? [] : ['transformers 5 opens it with a class that may leave add_prefix_space as the file had it'],
  }
}

const show = (value: Json | undefined): string => JSON.stringify(value)?.slice(0, 60) ?? ''
