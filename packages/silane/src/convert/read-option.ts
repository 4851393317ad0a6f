import type { OptionSpec, OptionValue } from '@silane/core/options'
import type { settings } from './settings.ts'

type Kind = OptionSpec['type'] | (typeof settings)[keyof typeof settings]['type']

/** What a value is held against. */
export interface Checked {
  readonly type: Kind
  readonly choices?: readonly string[]
  readonly minimum?: number
  readonly doc: string
}

export type CheckedValue = OptionValue | readonly string[]

/**
 * A value as its declaration wants it; texts, as they come from a command line, are converted. Gives undefined where the kind is
 * another, and the problem where the value is not allowed.
 */
export function readOption(value: unknown, spec: Checked): { readonly value: CheckedValue } | { readonly problem: string } {
  const read = readers[spec.type](value)
  if (read === undefined) return { problem: `"${textOf(value)}" is not ${kinds[spec.type]}` }
  const least = spec.minimum
  const below = least !== undefined && [read].flat().find(item => typeof item === 'number' && item < least)
  if (below !== false && below !== undefined)
    return { problem: least === 1 ? `${below} is not a positive whole number` : `${below} is less than ${least}` }
  const strange = spec.choices && [read].flat().find(item => !spec.choices?.includes(String(item)))
  if (strange !== undefined) return { problem: `"${strange}" is not one of ${spec.choices?.join(', ')}` }
  if (Array.isArray(read) && read.length === 0) return { problem: 'none is given' }
  return { value: read }
}

const kinds: Readonly<Record<Kind, string>> = {
  boolean: 'true or false',
  integer: 'a whole number',
  integers: 'a whole number, or several separated by commas',
  number: 'a number',
  string: 'a text',
  names: 'a list of names',
  bytes: 'a size such as 800MB or 1.5GB',
}

/** Values come from JSON too, whose objects may have a `toString` that is no function. */
const textOf = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

const integer = (value: unknown): number | undefined => {
  const number = typeof value === 'number' ? value : /^-?\d+$/.test(textOf(value).trim()) ? Number(value) : Number.NaN
  return Number.isSafeInteger(number) ? number : undefined
}

const number = (value: unknown): number | undefined => {
  const found = typeof value === 'number' ? value : /^-?\d+(\.\d+)?(e-?\d+)?$/i.test(textOf(value).trim()) ? Number(value) : Number.NaN
  return Number.isFinite(found) ? found : undefined
}

const all = <T>(items: readonly (T | undefined)[]): readonly T[] | undefined =>
  items.every(item => item !== undefined) ? (items as readonly T[]) : undefined

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : textOf(value).split(','))

const units: Readonly<Record<string, number>> = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 }

function bytes(value: unknown): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(textOf(value)) ?? []
  const factor = units[unit.toUpperCase()]
  const size = number === undefined || factor === undefined ? 0 : Math.floor(Number(number) * factor)
  return Number.isSafeInteger(size) && size >= 1 ? size : undefined
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
])

const readers: Readonly<Record<Kind, (value: unknown) => CheckedValue | undefined>> = {
  boolean: value => booleans.get(textOf(value)),
  integer,
  integers: value => {
    const read = all(list(value).map(integer))
    return read && [...new Set(read)]
  },
  number,
  string: value => (typeof value === 'object' ? undefined : String(value)),
  names: value => [...new Set(list(value).map(name => textOf(name).trim()))],
  bytes,
}
