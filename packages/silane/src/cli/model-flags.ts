import { shapeOptions } from '@silane/core/options'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ModelOptions } from '../convert/convert-options.ts'
import { readOption } from '../convert/read-option.ts'
import { type GivenSettings, type GivenShape, settings } from '../convert/settings.ts'
import { assignment, names } from './read-flags.ts'
import { flags, type GivenHubFlags, groups } from './shared-flags.ts'

/** What commander makes of the flags that say which model, as what, in which shape. */
export interface ModelFlags extends GivenHubFlags {
  readonly task?: string
  readonly plugin?: string[]
  readonly option?: Readonly<Record<string, string>>
  readonly revision?: string
  readonly subfolder?: string
  /** The settings and the shape, by the names that commander makes of the flags. */
  readonly [flag: string]: unknown
}

/** One flag for each row of a table, read as the row says. */
function addTable(
  command: Command,
  table: Readonly<
    Record<string, Parameters<typeof readOption>[1] & { readonly flag?: string; readonly default?: unknown; readonly unset?: string }>
  >,
) {
  for (const [name, spec] of Object.entries(table)) {
    const flag = spec.flag ?? name
    if (spec.type === 'boolean') {
      command.option(`--${flag}`, spec.doc)
      continue
    }
    const usual = spec.default === undefined ? (spec.unset ?? "the plugin's") : `${spec.default}`
    const option = new Option(`--${flag} <${spec.choices ? spec.choices.join('|') : spec.type}>`, `${spec.doc}; default: ${usual}`)
    if (spec.choices) option.choices(spec.choices)
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
    .optionsGroup(groups.model)
    .option('--task <task>', "what the model is for; default: what config.json's architecture stands for")
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable; default: those that are found', names)
    .option('--option <name=value>', "an option of the plugin's; repeatable, see `silane plugins`", assignment)
  addTable(command.optionsGroup(groups.write), settings)
  addTable(command.optionsGroup(groups.shape), shapeOptions)
  command.optionsGroup(groups.hub).option('--revision <revision>', 'branch, tag or commit on the hub; default: main')
  return flags.subfolder(flags.hub(command))
}

const camelCase = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The flags as options of the functions. */
export const modelOptions = (model: string, given: ModelFlags): ModelOptions => ({
  model,
  // Each was read by its row of the table.
  ...(Object.fromEntries(Object.entries(settings).map(([field, { flag }]) => [field, given[camelCase(flag)]])) as GivenSettings),
  ...(Object.fromEntries(Object.keys(shapeOptions).map(name => [name, given[camelCase(name)]])) as GivenShape),
  task: given.task,
  plugins: given.plugin,
  options: given.option,
  revision: given.revision,
  subfolder: given.subfolder,
  offline: given.offline,
  token: given.token,
  cacheDir: given.cacheDir,
})
