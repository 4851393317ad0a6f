export type OptionValue = string | number | boolean | readonly number[]

/** One option of a plugin, shown by the command line. */
export interface OptionSpec {
  /** `integers`: one or several, separated by commas. */
  readonly type: 'boolean' | 'integer' | 'integers' | 'number' | 'string'
  readonly default?: OptionValue
  readonly choices?: readonly string[]
  /** The least that a number may be. */
  readonly minimum?: number
  readonly doc: string
  /** The tasks that have it; all, where none is named. */
  readonly tasks?: readonly string[]
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

interface ValueTypes {
  readonly boolean: boolean
  readonly integer: number
  readonly integers: readonly number[]
  readonly number: number
  readonly string: string
}

type ValueOf<S extends OptionSpec> = S extends { readonly choices: readonly (infer C)[] } ? C : ValueTypes[S['type']]

/** The values of options as they are declared; undefined where one was not given and has no default. */
export type OptionValues<O extends OptionSpecs> = {
  readonly [K in keyof O]: O[K] extends { readonly default: OptionValue } ? ValueOf<O[K]> : ValueOf<O[K]> | undefined
}

/**
 * Options that shape a program and mean the same in every family that has them. A plugin declares those that it has; the command line
 * has a flag for each, short for `--option`.
 */
export const shapeOptions = {
  batch: { type: 'integer', default: 1, minimum: 1, doc: 'rows per call' },
  seq: { type: 'integers', minimum: 1, doc: 'sequence lengths, such as 128 or 64,128,512' },
  context: { type: 'integer', minimum: 1, doc: 'how far back the model sees: cache slots of a decoder, steps of a policy' },
  prefill: { type: 'integer', minimum: 1, doc: 'tokens per prefill call' },
  kv: { type: 'string', choices: ['io', 'state'], default: 'io', doc: 'where a decoder keeps its cache' },
} as const satisfies OptionSpecs

/** What every program that reads pixels has besides; the value goes to the port (`image`). */
export const imageOptions = {
  'image-input': { type: 'boolean', default: false, doc: 'Core ML takes the picture itself, pixels from 0 to 255' },
} as const satisfies OptionSpecs

/** The same options, for some tasks only. */
export const forTasks = <const O extends OptionSpecs, const T extends readonly string[]>(tasks: T, options: O) =>
  Object.fromEntries(Object.entries(options).map(([name, spec]) => [name, { ...spec, tasks }])) as {
    readonly [K in keyof O]: O[K] & { readonly tasks: T }
  }
