import { nearest, type OptionSpec, type OptionValue, errors as optionErrors } from '@silane/core'
import { errors } from '../errors.ts'
import type { GivenOptions } from '../plugins/match-claim.ts'

type Declaration = Readonly<Record<string, OptionSpec>>

/** Checks `--option name=value` against what the plugin declares, converts texts and fills in defaults. */
export function resolvePluginOptions(
  given: GivenOptions,
  declared: Declaration,
  plugin: string,
): Readonly<Record<string, OptionValue | undefined>> {
  for (const option of Object.keys(given)) {
    if (Object.hasOwn(declared, option)) continue
    throw errors.E_OPTION_UNKNOWN({ option, plugin, near: nearest(option, Object.keys(declared)) })
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, spec]) => {
      const value = given[name]
      return [name, value === undefined ? spec.default : checked(name, value, spec)]
    }),
  )
}

function checked(name: string, value: OptionValue, spec: OptionSpec): OptionValue {
  const fail = (problem: string) => optionErrors.E_OPTION({ option: `--option ${name}`, problem, next: `${name}: ${spec.doc}.` })
  const converted = converters[spec.type](value)
  if (converted === undefined) throw fail(`"${value}" is not ${wanted[spec.type]}`)
  if (spec.choices && !spec.choices.includes(String(converted))) throw fail(`"${value}" is not one of ${spec.choices.join(', ')}`)
  return converted
}

const wanted = { boolean: 'true or false', integer: 'a whole number', string: 'a text' } as const

const converters: Readonly<Record<OptionSpec['type'], (value: OptionValue) => OptionValue | undefined>> = {
  boolean: value => ({ true: true, false: false })[String(value)],
  integer: value => (/^-?\d+$/.test(String(value)) ? Number(value) : undefined),
  string: value => String(value),
}
