import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isJsonObject, type Json, type JsonObject } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { textTokenizer } from '../src/generate/text-tokenizer.ts'
import { CHECKED, EXPRESSIONS, type Place, uncheckedParts } from '../src/tokenizers/checked-parts.ts'
import { precompiled } from '../src/tokenizers/precompiled.ts'
import { openPipeline } from '../src/tokenizers/text-pipeline.ts'

type Rows<T> = Readonly<Record<string, T>>

/** A tokenizer.json: what is put into a base, and where ids are not those of the base then. */
interface Variant {
  readonly base: string | null
  readonly put: JsonObject
  readonly ids: Rows<readonly number[]>
  readonly pairs: Rows<readonly [readonly number[], readonly number[]]>
  readonly refused?: string
}

// tools/goldens/tokenizer_files.py
const goldens = fileURLToPath(new URL('../fixtures/tokenizer-files', import.meta.url))
const read = (name: string) => JSON.parse(readFileSync(join(goldens, `${name}.json`), 'utf8'))
const { texts, seconds }: { texts: readonly string[]; seconds: readonly number[] } = read('texts')
const bases: Readonly<Record<string, JsonObject>> = read('bases')
const variants: Readonly<Record<string, Variant>> = read('variants')

/** A base with values at paths in it. */
function put(name: string): JsonObject {
  const { base, put: values } = variants[name] as Variant
  const file = structuredClone(bases[base ?? name]) as Record<string, unknown>
  for (const [path, value] of Object.entries(values)) {
    const way = path.split('.')
    let target = file
    for (const key of way.slice(0, -1)) target = target[key] as Record<string, unknown>
    target[way.at(-1) as string] = value
  }
  return file as JsonObject
}

/** What the tokenizers library gives, of what silane gives otherwise. */
function differences(name: string) {
  const variant = variants[name] as Variant
  const { ids, pairs } = variants[variant.base ?? name] as Variant
  const pipeline = openPipeline(put(name), {})
  const { frames } = pipeline
  const encode = (text: string) => ({ ids: pipeline.ids(text), token_type_ids: [] })
  const { encode: given } = textTokenizer({ frames, encode, decode: () => '' })
  const rows = texts.map((text, at) => [text, given(text).ids, variant.ids[at] ?? ids[at]] as const)
  const more = seconds.map((second, at) => {
    const [first, pair] = [texts[second - 1] as string, texts[second] as string]
    const made = given(first, { pair })
    return [[first, pair], [made.ids, made.segments], variant.pairs[at] ?? pairs[at]] as const
  })
  return [...rows, ...more].filter(([, made, wanted]) => JSON.stringify(made) !== JSON.stringify(wanted))
}

/** Files that silane cannot open, for the library knows no such part of one. */
const UNKNOWN = ['normalizer-nmt', 'normalizer-ignore-case', 'pre-scripts', 'pre-delimiter'].map(name => `characters/${name}`)

const given = Object.keys(variants).filter(name => variants[name]?.refused === undefined && !UNKNOWN.includes(name))
const noted = given.filter(name => uncheckedParts(put(name)) !== undefined)

/** The parts of a file in a place, also those of a Sequence. */
function partsOf(part: Json | undefined): readonly JsonObject[] {
  if (!isJsonObject(part)) return []
  const inner = [part.normalizers, part.pretokenizers, part.processors].find(each => Array.isArray(each))
  return Array.isArray(inner) ? inner.flatMap(partsOf) : [part]
}

test('there is a file with each part that counts as checked', () => {
  const files = given.filter(name => !noted.includes(name)).map(put)
  for (const place of Object.keys(CHECKED) as Place[]) {
    const types = new Set(files.flatMap(file => partsOf(file[place])).map(({ type }) => type))
    expect([...types].sort(), place).toEqual(Object.keys(CHECKED[place]).sort())
  }
  const parts = files.flatMap(file => [...partsOf(file.normalizer), ...partsOf(file.pre_tokenizer)])
  const expressions = new Set(parts.flatMap(({ pattern }) => (isJsonObject(pattern) && pattern.Regex !== undefined ? [pattern.Regex] : [])))
  expect(expressions).toEqual(EXPRESSIONS)
})

describe('ids are those of the tokenizers library', () => {
  test.each(given.filter(name => !noted.includes(name)))('%s', name => expect(differences(name)).toEqual([]))
})

test('what is not checked is said', () => {
  expect(Object.fromEntries(noted.map(name => [name, uncheckedParts(put(name))]))).toMatchSnapshot()
  // One of them would be other ids without a word.
  expect(noted.filter(name => differences(name).length > 0)).toEqual(['characters/model-all-dropped'])
})

test.each(UNKNOWN)('%s is refused', name => expect(() => openPipeline(put(name), {})).toThrow(/Unknown|Invalid/))

test('what the tokenizers library refuses is refused', () => {
  const refused = Object.keys(variants).filter(name => variants[name]?.refused !== undefined)
  expect(refused).toEqual(['characters/model-lost-merge', 'words/model-no-unknown'])
  for (const name of refused) {
    const encode = () => texts.map(openPipeline(put(name), {}).ids)
    expect(encode, name).toThrow()
  }
})

test('a table of characters that makes texts of them is refused', () => {
  // Its automaton reads an "a", at the place of which it has a leaf.
  const table = (becomes: string): string => {
    const units = new Uint32Array(256)
    units[0x61] = 0x61 | (1 << 8) | (0x80 << 10)
    return Buffer.concat(
      [Uint32Array.of(units.byteLength), units, Buffer.from(`${becomes}\0`)].map(part =>
        Buffer.from(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)),
      ),
    ).toString('base64')
  }
  expect(precompiled(table('bc'))('xax')).toBe('xbcx')
  expect(precompiled(table(''))('xax')).toBe('xx')
  expect(() => precompiled(table('b'.repeat(65)))('xax')).toThrow('65 bytes')
})

test('bytes become the texts that they are, with a mark in front', () => {
  const file = { ...put('characters/model-bytes'), decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] } }
  const { ids, decode } = openPipeline(file, { clean_up_tokenization_spaces: false })
  expect(decode([...ids('\ufeff☃')], {})).toBe('\ufeff☃')
})
