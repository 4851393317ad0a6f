export { compare, type Difference } from './compare.ts'
export { createRuntime, type OnnxRuntime, type RuntimeOptions } from './create-runtime.ts'
export { errors as runtimeErrors } from './errors.ts'
export { type Timing, type TimingOptions, timeSession } from './time-session.ts'
