import type { MinimumOs, TargetName } from '@silane/core'
import { type OptionSpec, type OptionValue, type OptionValues, shapeOptions } from '@silane/core/options'

/** What is set for a conversion whatever the model: one row for each, from which flags, options, checks and the manifest follow. */
interface SettingSpec extends Omit<OptionSpec, 'type' | 'default'> {
  /** The flag, and the key in the manifest's `options`. */
  readonly flag: string
  /** `names`: one or several of the choices. `bytes`: a number, or a text such as 800MB. */
  readonly type: 'boolean' | 'string' | 'names' | 'bytes'
  readonly default?: string | boolean | readonly string[]
  /** What holds where nothing is said and there is no such value. */
  readonly unset?: string
  /** Not in the manifest: another setting, which is, follows from it. */
  readonly unrecorded?: true
}

const systems = ['ios16', 'ios17', 'ios18', 'ios26'] as const satisfies readonly MinimumOs[]
const targets = ['coreml', 'onnx'] as const satisfies readonly TargetName[]

/** By the names of the fields of `ConvertOptions`. */
export const settings = {
  targets: { flag: 'target', type: 'names', choices: targets, default: targets, doc: 'what to write' },
  minimumOs: { flag: 'min-os', type: 'string', choices: systems, default: 'ios18', doc: 'oldest system to run on' },
  precision: { flag: 'precision', type: 'string', choices: ['fp16', 'fp32'], default: 'fp16', doc: 'Core ML: fp16, or fp32 to compare' },
  onnxPrecision: { flag: 'onnx-precision', type: 'string', choices: ['fp32', 'fp16'], default: 'fp32', doc: 'type of the ONNX weights' },
  splitHead: {
    flag: 'split-head',
    type: 'boolean',
    default: false,
    doc: 'Core ML: split an output matrix over the axis cap of the ANE into parts below it',
  },
  platform: {
    flag: 'platform',
    type: 'string',
    choices: ['ios', 'macos'],
    default: 'ios',
    unrecorded: true,
    doc: 'decides the largest package: 1 GB, or 2 GB for macos',
  },
  maxPackageBytes: {
    flag: 'max-package-size',
    type: 'bytes',
    unset: 'as --platform says',
    doc: 'cut programs into packages of at most this size',
  },
} as const satisfies Readonly<Record<string, SettingSpec>>

interface ValueTypes {
  readonly boolean: boolean
  readonly bytes: number
}

type Table = typeof settings
type Choice<S> = S extends { readonly choices: readonly (infer C)[] } ? C : never
type ValueOf<S extends SettingSpec> = S['type'] extends 'names'
  ? readonly Choice<S>[]
  : S['type'] extends keyof ValueTypes
    ? ValueTypes[S['type']]
    : Choice<S>

/** The settings as they are given. */
export type GivenSettings = { readonly [K in keyof Table]?: ValueOf<Table[K]> | undefined }

interface Defaulted extends SettingSpec {
  readonly default: NonNullable<SettingSpec['default']>
}

/** The settings, defaulted. */
export type SettingValues = {
  readonly [K in keyof Table]: Table[K] extends Defaulted ? ValueOf<Table[K]> : ValueOf<Table[K]> | undefined
}

/** Options that shape programs in many families have fields, and flags, of their own: short for an entry of `options`. */
export type GivenShape = { readonly [K in keyof typeof shapeOptions]?: OptionValues<Pick<typeof shapeOptions, K>>[K] | undefined }

/** The same as entries of `options`. */
export const shapeEntries = (given: GivenShape): Readonly<Record<string, OptionValue>> =>
  Object.fromEntries(
    (Object.keys(shapeOptions) as (keyof GivenShape)[]).flatMap(name => {
      const value: OptionValue | undefined = given[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
