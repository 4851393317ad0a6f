import type { Random } from '../random.ts'
import { mutateBytes } from './bytes.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** JSON has no value for these: they are put in as strings, and taken out of their quotes in the text. */
const RAW = ['NaN', 'Infinity', '-Infinity', '1e999', '-0', '1E400', '12345678901234567890123456789012345678901234567890']
const RAW_MARK = '\u0001raw:'

const nested = (depth: number, object: boolean): Json => {
  let value: Json = 1
  for (let i = 0; i < depth; i++) value = object ? { a: value } : [value]
  return value
}

/** Names that every object has by its prototype. */
export const INHERITED = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__']

/** Values that no configuration has, each a nature of its own. Made on demand, since some are large. */
export const HOSTILE: readonly (() => Json)[] = [
  // The first are those that any schema has to do with; a sweep tries these on every key before it comes to the others.
  ...[1e9, 20_000, 0, -1, 0.5, 1e39, 2 ** 32 + 5].map(value => () => value),
  ...[null, true].map(value => () => value),
  ...['constructor', 'a'].map(value => () => value),
  () => ({ toString: 1 }),
  // The end of those: see FIRST.
  ...[1, 2, 3, -0.5, 1e308, -1e9, 1e-320, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 63, false].map(value => () => value),
  ...[
    '',
    ' ',
    '1',
    '1e9',
    'null',
    '../../../../etc/passwd',
    '/etc/passwd',
    'a\u0000b',
    '\u001b[31mevil\u001b]0;owned\u0007',
    '\u202eevil',
    '\ud800',
  ].map(value => () => value),
  ...INHERITED.map(value => () => value),
  () => [],
  () => ({}),
  () => [null],
  () => [1e9],
  () => [-1, 0.5],
  () => ({ constructor: { name: 1 }, length: 1e9 }),
  () => ({ a: { b: [1, 'x', null] } }),
  () => 'x'.repeat(100_000),
  () => Array<Json>(10_000).fill(0),
  () => Array<Json>(2000).fill('constructor'),
  () => nested(60, true),
  () => nested(500, false),
  ...RAW.map(text => () => RAW_MARK + text),
]

/** How many values a sweep tries first. */
export const FIRST = 12

type Path = readonly (string | number)[]

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isArray = (value: Json): value is readonly Json[] => Array.isArray(value)

/** The places in a value, itself included. */
export function pathsOf(value: Json, path: Path = [], found: Path[] = []): Path[] {
  found.push(path)
  if (isArray(value)) for (const [i, inner] of value.entries()) pathsOf(inner, [...path, i], found)
  else if (isObject(value)) for (const [key, inner] of Object.entries(value)) pathsOf(inner, [...path, key], found)
  return found
}

const at = (value: Json, path: Path): Json =>
  path.reduce<Json>((inner, key) => (inner as { readonly [key: string | number]: Json })[key] as Json, value)

/** An object with these entries, the key __proto__ included, which an assignment would take for something else. */
function objectOf(entries: readonly (readonly [string, Json])[]): Json {
  const made: { [key: string]: Json } = {}
  for (const [key, value] of entries) Object.defineProperty(made, key, { value, enumerable: true, writable: true, configurable: true })
  return made
}

/** The value with another one in a place; undefined takes the place away. */
export function replaceAt(value: Json, path: Path, to: Json | undefined): Json {
  const [key, ...rest] = path
  if (key === undefined) return to ?? null
  if (isArray(value))
    return value.flatMap((inner, i) =>
      i !== key ? [inner] : rest.length === 0 ? (to === undefined ? [] : [to]) : [replaceAt(inner, rest, to)],
    )
  const entries = Object.entries(value as { readonly [key: string]: Json })
  const known = entries.some(([name]) => name === key)
  const all = known ? entries : [...entries, [String(key), null] as const]
  return objectOf(
    all.flatMap(([name, inner]) =>
      name !== key
        ? [[name, inner] as const]
        : rest.length === 0
          ? to === undefined
            ? []
            : [[name, to] as const]
          : [[name, replaceAt(inner, rest, to)] as const],
    ),
  )
}

/** The value with a string called something else wherever it stands: names that refer to each other still do. */
export function renamed(value: Json, from: string, to: string): Json {
  if (value === from) return to
  if (isArray(value)) return value.map(inner => renamed(inner, from, to))
  if (!isObject(value)) return value
  return objectOf(Object.entries(value).map(([key, inner]) => [key === from ? to : key, renamed(inner, from, to)]))
}

/** Strings in a value: those that stand as values, or keys, which mostly belong to the format and not to whoever wrote the file. */
export function stringsOf(value: Json, as: 'values' | 'keys'): readonly string[] {
  const paths = pathsOf(value)
  const found = as === 'keys' ? paths.map(path => path.at(-1)) : paths.map(path => at(value, path))
  return [...new Set(found.filter(each => typeof each === 'string'))]
}

function tweak(value: Json, random: Random): Json {
  if (typeof value === 'number')
    return random.pick([value + 1, value - 1, value * 2, -value, value / 2, value * 1000, value + 0.5, 1 / value])
  if (typeof value === 'string')
    return random.pick([value.slice(1), value + value, value.toUpperCase(), `${value}\n`, `../${value}`, value.replace(/\w/, '*')])
  if (typeof value === 'boolean') return !value
  if (isArray(value)) return random.pick<Json>([[...value, ...value], value.slice(1), [...value].reverse(), [value], [...value, null]])
  return random.pick(HOSTILE)()
}

/** One change to a value. `keys` are names that its reader may know and the value may lack. */
function change(root: Json, random: Random, keys: readonly string[]): Json {
  const paths = pathsOf(root)
  // Places near the root decide more than the thousandth entry of a vocabulary.
  const path = random.once(2) ? random.pick(paths.filter(({ length }) => length <= 1)) : random.pick(paths)
  const value = at(root, path)
  switch (random.int(11)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return replaceAt(root, path, random.pick(HOSTILE)())
    case 4:
      return path.length === 0 ? random.pick(HOSTILE)() : replaceAt(root, path, undefined)
    case 5:
    case 6:
      return replaceAt(root, path, tweak(value, random))
    case 7:
      return replaceAt(root, path, at(root, random.pick(paths)))
    case 8: {
      const key = random.once(3) || keys.length === 0 ? random.pick(INHERITED) : random.pick(keys)
      const objects = paths.filter(candidate => isObject(at(root, candidate)))
      return objects.length === 0 ? root : replaceAt(root, [...random.pick(objects), key], random.pick(HOSTILE)())
    }
    case 9: {
      const names = stringsOf(root, random.once(4) ? 'keys' : 'values')
      return names.length === 0 ? root : renamed(root, random.pick(names), random.pick(INHERITED))
    }
    default: {
      if (!isObject(value)) return replaceAt(root, path, [value, value])
      const entries = Object.entries(value)
      if (entries.length === 0) return root
      const renamed = random.int(entries.length)
      return replaceAt(
        root,
        path,
        objectOf(
          entries.map(([key, inner], i) => [i === renamed ? random.pick([...INHERITED, key.toUpperCase(), '', `${key}_`]) : key, inner]),
        ),
      )
    }
  }
}

/** As text, with what JSON has no value for. */
export const jsonText = (value: Json): string => JSON.stringify(value).replace(/"\\u0001raw:([^"]*)"/g, '$1')

/** The text of a JSON file after a few changes; now and then one that is no JSON. */
export function mutateJson(text: string, random: Random, keys: readonly string[] = []): Buffer {
  if (random.once(15)) return mutateBytes(Buffer.from(text), random)
  if (random.once(60)) {
    const hostile = [
      () => '',
      () => `\ufeff${text}`,
      () => `${text}${text}`,
      () => `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      () => text.replace('{', `{"x":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)},`),
      () => text.replace('{', '{"__proto__":{"polluted":1},'),
      () => `{${text.slice(1, -1)},${text.slice(1)}`,
      () => '\u0000'.repeat(1000),
      () => `${text.slice(0, -1)}${' '.repeat(1_000_000)}}`,
    ]
    return Buffer.from(random.pick(hostile)())
  }
  let value: Json = JSON.parse(text)
  for (let count = 1 + random.int(random.pick([1, 1, 2, 4])); count > 0; count--) value = change(value, random, keys)
  return Buffer.from(jsonText(value))
}
