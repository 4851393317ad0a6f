import type { Tensors } from '@silane/core'
import { driveCachedDecoder } from './drive-cached-decoder.ts'
import type { StageCalls } from './stage-calls.ts'

/**
 * Computes the golden outputs of a program that takes a sequence of calls. `parts` are the programs it consists of in this
 * stage: itself, or the links of a chain.
 */
export type Driver = (stage: StageCalls, program: string, parts: readonly string[], inputs: Tensors) => Promise<Tensors>

/** By the name that `drive` in case.json gives. */
export const drivers: Readonly<Record<string, Driver>> = { 'cached-decoder': driveCachedDecoder }
