import type { Json } from '@silane/core'
import { shapeOptions } from '@silane/core/options'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ModelOptions } from '../convert/convert-options.ts'
import { readOption } from '../convert/read-option.ts'
import { type GivenSettings, type GivenShape, settings } from '../convert/settings.ts'
import type { PromptPoint } from '../pictures/segment.ts'

/** What commander makes of the flags that say which model, as what, in which shape. */
export interface ModelFlags {
  readonly task?: string
  readonly plugin?: string[]
  readonly option?: Readonly<Record<string, string>>
  readonly revision?: string
  readonly offline?: boolean
  /** The settings and the shape, by the names that commander makes of the flags. */
  readonly [flag: string]: unknown
}

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

const collect = (text: string, previous: readonly string[] = []): string[] => [...previous, text]

const assignment = (text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> => {
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

/** One flag for each row of a table, read as the row says. */
function addTable(
  command: Command,
  table: Readonly<Record<string, Parameters<typeof readOption>[1] & { readonly flag?: string; readonly default?: unknown }>>,
) {
  for (const [name, spec] of Object.entries(table)) {
    const flag = spec.flag ?? name
    if (spec.type === 'boolean') {
      command.option(`--${flag}`, spec.doc)
      continue
    }
    const usual = spec.default === undefined ? '' : `; default: ${spec.default}`
    const option = new Option(`--${flag} <${spec.choices ? spec.choices.join('|') : spec.type}>`, spec.doc + usual)
    command.addOption(
      option.argParser((text: string) => {
        const read = readOption(text, spec)
        if ('value' in read) return read.value
        throw new InvalidArgumentError(`${read.problem.charAt(0).toUpperCase()}${read.problem.slice(1)}.`)
      }),
    )
  }
}

/** The flags that name and shape a model, the same for every verb that loads one. */
export function addModelFlags(command: Command): Command {
  command
    .option('--task <task>', "what the model is for; default: what config.json's architecture stands for")
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', collect)
  addTable(command, settings)
  addTable(command, shapeOptions)
  return command
    .option('--option <name=value>', "an option of the plugin's; repeatable, see `silane plugins`", assignment)
    .option('--revision <revision>', 'branch, tag or commit on the hub')
    .option('--offline', "use only what is in the hub's cache")
}

const camelCase = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The flags as options of the functions. */
export const modelOptions = (model: string, flags: ModelFlags): ModelOptions => ({
  model,
  // Each was read by its row of the table.
  ...(Object.fromEntries(Object.entries(settings).map(([field, { flag }]) => [field, flags[camelCase(flag)]])) as GivenSettings),
  ...(Object.fromEntries(Object.keys(shapeOptions).map(name => [name, flags[camelCase(name)]])) as GivenShape),
  task: flags.task,
  plugins: flags.plugin,
  options: flags.option,
  revision: flags.revision,
  offline: flags.offline,
})

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
