import { type LoadRequest, type MinimumOs, errors as optionErrors, type Precision, type TargetName } from '@silane/core'
import type { ModelOptions } from './convert-options.ts'

/** The Core ML opset that came with each OS. */
export const opsets: Readonly<Record<MinimumOs, number>> = { ios16: 6, ios17: 7, ios18: 8, ios26: 9 }

/** Core ML's first opset with several functions in a package, and with states. */
export const MULTI_FUNCTION_OPSET = 8

/**
 * Beyond 1 GB a model does not run on the ANE of an iPhone (coremltools' guide, "mlmodel utilities"); on a Mac a program holds
 * about 2 GB of weights.
 */
const LARGEST_PACKAGE = { ios: 1e9, macos: 2e9 } as const

/** The general options, checked and defaulted as far as the model need not be known. */
export interface Settings {
  readonly task: string | undefined
  readonly targets: readonly TargetName[]
  readonly minimumOs: MinimumOs
  readonly opset: number
  readonly precision: Precision
  readonly onnxPrecision: Precision
  readonly request: Omit<LoadRequest, 'checkpoint' | 'options'>
}

/** Throws E_OPTION for values and combinations that cannot be had. */
export function resolveSettings(options: ModelOptions): Settings {
  const { task, minimumOs = 'ios18', precision = 'fp16', onnxPrecision = 'fp32', kv = 'io', batch = 1 } = options
  const targets = [...new Set(options.targets ?? (['coreml', 'onnx'] as const))]
  const opset = opsets[minimumOs]
  const fail = (option: string, problem: string, next?: string) =>
    optionErrors.E_OPTION({ option, problem, ...(next === undefined ? {} : { next }) })

  if (opset === undefined) throw fail('--min-os', `"${minimumOs}" is not one of ${Object.keys(opsets).join(', ')}`)
  if (targets.length === 0) throw fail('--target', 'none is given', 'Choose coreml, onnx or both.')
  whole('--batch', batch, fail)
  if (options.seq?.length === 0) throw fail('--seq', 'no length is given')
  for (const length of options.seq ?? []) whole('--seq', length, fail)
  if (options.context !== undefined) whole('--context', options.context, fail)
  if (options.prefill !== undefined) whole('--prefill', options.prefill, fail)
  if (kv === 'state' && precision === 'fp32')
    throw fail('--kv', 'a Core ML state is always fp16, so --kv state cannot be had with --precision fp32', 'Use --kv io.')
  if (kv === 'state' && opset < MULTI_FUNCTION_OPSET)
    throw fail('--kv', `states came with iOS 18, --min-os is ${minimumOs}`, 'Use --kv io, or raise --min-os.')
  const maxPackageBytes = options.maxPackageBytes ?? LARGEST_PACKAGE[options.platform ?? 'ios']
  whole('--max-package-size', maxPackageBytes, fail)

  const { seq, context, prefill } = options
  const request = { task, batch, seq, context, prefill, kv, precision, minimumOs, maxPackageBytes }
  return { task, targets, minimumOs, opset, precision, onnxPrecision, request }
}

function whole(option: string, value: number, fail: (option: string, problem: string) => Error): void {
  if (!Number.isSafeInteger(value) || value < 1) throw fail(option, `${value} is not a positive whole number`)
}
