import { basename } from 'node:path/posix'
import { type Checkpoint, isJsonObject, type JsonObject, type TokenizerSource } from '@silane/core'
import { companionFiles } from '../convert/companion-files.ts'
import { jsonText } from '../convert/write-files.ts'
import { buildTokenizer } from './build-tokenizer.ts'
import { lowerSentences } from './lower-sentences.ts'
import { overruleTokenizer } from './overrule-tokenizer.ts'
import type { TokenizerSettings } from './read-settings.ts'

/** What is written into a converted folder in place of a tokenizer.json that the checkpoint lacks, or that is another one once it is open. */
interface BuiltTokenizers {
  /** Texts by the names of files. */
  readonly files: Readonly<Record<string, string>>
  /** For the report: tokenizers that were not made, and why. */
  readonly notes: readonly string[]
}

const vocabularies: Readonly<Record<TokenizerSource['kind'], readonly string[]>> = {
  wordpiece: ['vocab.txt'],
  'byte-level-bpe': ['vocab.json', 'merges.txt'],
  bytes: [],
}

/**
 * Makes tokenizer.json for each tokenizer of a model that has a vocabulary and no such file, and completes its tokenizer_config.json with
 * what its class has where the file says nothing. Nothing is made of a vocabulary whose tokenizer is another one, and that is said.
 * Over a tokenizer.json that is there it lays what the files beside it say. `sentence`: texts are embedded by sentence-transformers.
 */
export function buildTokenizers(
  checkpoint: Checkpoint,
  sources: readonly TokenizerSource[] = [],
  { sentence = false }: { readonly sentence?: boolean } = {},
): BuiltTokenizers {
  const files: Record<string, string> = {}
  const notes: string[] = []
  for (const source of sources) {
    const folder = source.folder ?? ''
    const prefix = folder === '' ? '' : `${folder}/`
    // Without a file of the folder there is none: bytes need no vocabulary, and still are not every sub-folder's.
    if (folder !== '' && !checkpoint.files.some(file => file.startsWith(prefix))) continue
    const own = folder === '' ? checkpoint : checkpoint.folder(folder)
    if (own.has('tokenizer.json') || !vocabularies[source.kind].every(file => own.has(file))) continue
    const other = whatIsOther(own, source)
    if (other !== undefined) {
      notes.push(`${prefix}tokenizer.json was not made: ${other}; save the tokenizer with its fast class in transformers`)
      continue
    }
    const { file, settings } = buildTokenizer(own, source)
    const sentences = sentence ? lowerSentences(file, own) : { file, laid: [], left: [] }
    notes.push(...[...sentences.laid, ...sentences.left].map(said => `${prefix}tokenizer.json: ${said}`))
    files[`${prefix}tokenizer.json`] = jsonText(sentences.file)
    files[`${prefix}tokenizer_config.json`] = jsonText(completed(settings, source))
  }
  for (const path of companionFiles(checkpoint.files).filter(file => basename(file) === 'tokenizer.json')) {
    const folder = path.slice(0, -'/tokenizer.json'.length)
    const prefix = folder === '' ? '' : `${folder}/`
    const own = folder === '' ? checkpoint : checkpoint.folder(folder)
    const source = sources.find(each => (each.folder ?? '') === folder)
    const overruled = overruleTokenizer(own, source, { sentence, prefix })
    if (overruled.file) files[path] = jsonText(overruled.file)
    notes.push(...overruled.notes)
  }
  return { files, notes }
}

/** Settings of transformers' classes that ask for what tokenizer.json is not made to do, where they are not these values. */
const usual: Readonly<Record<string, (value: unknown) => boolean>> = {
  do_basic_tokenize: value => value === true,
  never_split: value => Array.isArray(value) && value.length === 0,
  split_special_tokens: value => value === false,
  errors: value => value === 'replace',
  extra_special_tokens: value => typeof value === 'object' && Object.keys(value ?? {}).length === 0,
}

/** Why the tokenizer of a folder is another one than the plugin says; undefined where it is that one. */
function whatIsOther(checkpoint: Checkpoint, { classes }: TokenizerSource): string | undefined {
  const config = checkpoint.json('tokenizer_config.json')
  const settings = isJsonObject(config) ? config : {}
  for (const [file, { tokenizer_class: name }] of [
    ['tokenizer_config.json', settings],
    ['config.json', checkpoint.config],
  ] as const) {
    if (typeof name !== 'string') continue
    if (!classes.includes(name.replace(/Fast$/, ''))) return `${file} names a ${name}, which is not one of: ${classes.join(', ')}`
    break
  }
  const found = Object.entries(usual).find(([key, holds]) => (settings[key] ?? null) !== null && !holds(settings[key]))
  return found && `${found[0]} of tokenizer_config.json is ${JSON.stringify(settings[found[0]])}, which is not supported`
}

/** tokenizer_config.json with what a reader of the folder would have to know of the class otherwise. */
function completed({ config, special }: TokenizerSettings, { classes, cleanUp = false }: TokenizerSource): JsonObject {
  const tokens = Object.fromEntries([...special].map(([role, { content }]) => [`${role}_token`, content]))
  return { clean_up_tokenization_spaces: cleanUp, tokenizer_class: classes[0], ...tokens, ...config }
}
