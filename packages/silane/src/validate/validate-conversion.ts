import { existsSync } from 'node:fs'
import type { OpenCheckpoint } from '@silane/checkpoint'
import type { PluginContract, Report, SourceModel } from '@silane/core'
import type { ConvertOptions } from '../convert/convert-options.ts'
import { chainOf, type ProgramPlan } from '../convert/plan-deployment.ts'
import type { Settings } from '../convert/resolve-settings.ts'
import { chooseGates } from './gates.ts'
import { type Goldens, readGoldens, requireGoldens } from './goldens.ts'
import { validateStages } from './validate-stages.ts'

export interface ConversionToValidate {
  readonly folder: string
  readonly model: SourceModel
  readonly plan: readonly ProgramPlan[]
  readonly contract: PluginContract
  readonly settings: Settings
  readonly checkpoint: OpenCheckpoint
  readonly options: Pick<ConvertOptions, 'golden' | 'signal' | 'onProgress'>
}

/** Validates what was written against the source and, where the checkpoint or `--golden` brings them, golden outputs. */
export function validateConversion({
  folder,
  model,
  plan,
  contract,
  settings,
  checkpoint,
  options,
}: ConversionToValidate): Promise<Report> {
  const { golden, signal, onProgress } = options
  return validateStages({
    folder,
    functions: plan.flatMap(program => program.functions.map(fn => ({ program: program.name, ...fn }))),
    source: { model, contract },
    chain: chainOf(model.pipeline),
    goldens: golden === undefined ? goldensOf(checkpoint) : requireGoldens(golden),
    golden,
    gates: chooseGates({ ...settings, hasSource: true }),
    signal,
    onProgress,
  })
}

/** A folder may bring its goldens along; a download from the hub does not. */
export const goldensOf = (checkpoint: OpenCheckpoint): Goldens =>
  checkpoint.revision === null && existsSync(checkpoint.location) ? readGoldens(checkpoint.location) : new Map()
