import type { Json } from '@silane/core'
import { InvalidArgumentError } from 'commander'
import type { PromptPoint } from '../pictures/segment.ts'

/** A flag that may be given several times. */
export const names = (name: string, before: string[] = []): string[] => [...before, name]

/** Reads a positive whole number. */
export const whole = (text: string): number => {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1 || !Number.isSafeInteger(number))
    throw new InvalidArgumentError('It is not a positive whole number.')
  return number
}

/** Reads a whole number from 0 on. */
export const countFrom0 = (text: string): number => {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw new InvalidArgumentError('It is not a whole number from 0 on.')
  return Number(text)
}

/** Reads a number. */
export const decimal = (text: string): number => {
  if (text.trim() === '' || !Number.isFinite(Number(text))) throw new InvalidArgumentError('It is not a number.')
  return Number(text)
}

/** Token ids, separated by commas or spaces. */
export const tokenIds = (text: string): number[] => {
  const parts = text.split(/[\s,]+/).filter(Boolean)
  if (!parts.every(part => /^\d+$/.test(part))) throw new InvalidArgumentError('Write ids such as 15496,995.')
  return parts.map(Number)
}

/** `name=value`, repeatable. */
export const assignment = (text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write name=value.')
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) }
}

/** `key=value`, the value in JSON; what is none is a text. */
export const setting = (text: string, previous: Readonly<Record<string, Json>> = {}): Record<string, Json> =>
  Object.fromEntries([
    ...Object.entries(previous),
    ...Object.entries(assignment(text)).map(([key, value]) => [key, jsonOf(value)] as const),
  ])

const jsonOf = (text: string): Json => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** `x,y`, or `x,y,label`; repeatable. */
export function promptPoint(text: string, before: readonly PromptPoint[] = []): readonly PromptPoint[] {
  const [x, y, label, ...more] = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
  if (x === undefined || y === undefined || more.length > 0 || [x, y, label ?? 1].some(number => !Number.isFinite(number)))
    throw new InvalidArgumentError('A point is x,y or x,y,label.')
  return [...before, { x, y, ...(label === undefined ? {} : { label }) }]
}

/** `x0,y0,x1,y1` */
export function promptBox(text: string): readonly [number, number, number, number] {
  const [x0, y0, x1, y1, ...more] = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
  if (
    x0 === undefined ||
    y0 === undefined ||
    x1 === undefined ||
    y1 === undefined ||
    more.length > 0 ||
    ![x0, y0, x1, y1].every(Number.isFinite)
  )
    throw new InvalidArgumentError('A box is x0,y0,x1,y1.')
  return [x0, y0, x1, y1]
}
