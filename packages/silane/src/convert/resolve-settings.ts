import { type MinimumOs, type OptionSpecs, type OptionValues, errors as optionErrors } from '@silane/core'
import { checkOption } from './check-option.ts'
import { type GivenSettings, type SettingValues, settings } from './settings.ts'

/** The Core ML opset that came with each OS. */
const opsets: Readonly<Record<MinimumOs, number>> = { ios16: 6, ios17: 7, ios18: 8, ios26: 9 }

/** Core ML's first opset with several functions in a package, and with states. */
export const MULTI_FUNCTION_OPSET = 8

/**
 * Beyond 1 GB a model does not run on the ANE of an iPhone (coremltools' guide, "mlmodel utilities"); on a Mac a program holds
 * about 2 GB of weights.
 */
const LARGEST_PACKAGE = { ios: 1e9, macos: 2e9 } as const

/** The settings, checked and defaulted. */
export interface Settings extends SettingValues {
  readonly maxPackageBytes: number
  readonly opset: number
}

/** Throws E_OPTION for values that cannot be had. */
export function resolveSettings(given: GivenSettings): Settings {
  const checked = Object.fromEntries(
    Object.entries(settings).map(([field, spec]) => {
      const value = given[field as keyof GivenSettings] ?? ('default' in spec ? spec.default : undefined)
      return [field, value === undefined ? undefined : checkOption(`--${spec.flag}`, value, spec)]
    }),
    // Each was read as its row says.
  ) as unknown as SettingValues
  return { ...checked, maxPackageBytes: checked.maxPackageBytes ?? LARGEST_PACKAGE[checked.platform], opset: opsets[checked.minimumOs] }
}

/** Throws E_OPTION for options of a plugin that do not go with the settings. */
export function checkTogether({ precision, opset, minimumOs }: Settings, { kv }: OptionValues<OptionSpecs>): void {
  const fail = (problem: string, next: string) => optionErrors.E_OPTION({ option: '--kv', problem, next })
  if (kv !== 'state') return
  if (precision === 'fp32') throw fail('a Core ML state is always fp16, so --kv state cannot be had with --precision fp32', 'Use --kv io.')
  if (opset < MULTI_FUNCTION_OPSET) throw fail(`states came with iOS 18, --min-os is ${minimumOs}`, 'Use --kv io, or raise --min-os.')
}
