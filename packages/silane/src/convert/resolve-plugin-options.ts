import { type OptionSpecs, type OptionValue, type OptionValues, own, shapeOptions } from '@silane/core'
import { errors } from '../errors.ts'
import { checkOption } from './check-option.ts'

/** Whose options they are, for messages. */
interface Owner {
  readonly plugin: string
  readonly task: string
}

/** How an option is written on the command line. */
const flagOf = (name: string): string => (Object.hasOwn(shapeOptions, name) ? `--${name}` : `--option ${name}`)

/**
 * Checks options against what a plugin declares for a task, converts texts and fills in defaults. Throws E_OPTION_UNKNOWN for one that
 * the plugin or the task does not have: nothing that was asked for is dropped.
 */
export function resolvePluginOptions(
  given: Readonly<Record<string, OptionValue>>,
  declared: OptionSpecs,
  { plugin, task }: Owner,
): OptionValues<OptionSpecs> {
  const has = Object.entries(declared).flatMap(([name, spec]) => (spec.tasks?.includes(task) === false ? [] : [name]))
  for (const name of Object.keys(given)) {
    if (!has.includes(name)) throw errors.E_OPTION_UNKNOWN({ option: flagOf(name), plugin, task, has: has.map(flagOf) })
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, spec]) => {
      const value = own(given, name)
      // What is declared with these kinds is one of them.
      return [name, value === undefined ? spec.default : (checkOption(flagOf(name), value, spec) as OptionValue)]
    }),
  )
}
