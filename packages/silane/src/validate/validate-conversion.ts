import type { OpenCheckpoint } from '@silane/checkpoint'
import type { Pipeline, PluginContract, SourceModel } from '@silane/core'
import type { WrittenProgram } from '../convert/build-manifest.ts'
import type { ConvertOptions } from '../convert/convert-options.ts'
import { describeTensors } from '../convert/describe-tensors.ts'
import type { Settings } from '../convert/resolve-settings.ts'
import type { RewrittenProgram } from '../convert/rewrite-program.ts'
import { chooseGates } from './gates.ts'
import { type GoldenPrograms, ownGoldens, requireGoldens } from './goldens.ts'
import type { StageFiles } from './open-stages.ts'
import { type StagesReport, validateStages } from './validate-stages.ts'

export interface ConversionToValidate {
  readonly folder: string
  readonly model: SourceModel
  readonly pipeline: Pipeline
  readonly rewritten: readonly RewrittenProgram[]
  readonly written: readonly WrittenProgram[]
  readonly contract: PluginContract
  readonly settings: Settings
  readonly checkpoint: OpenCheckpoint
  readonly options: Pick<ConvertOptions, 'golden' | 'signal' | 'onProgress'>
}

/** Validates what was written against the source and, where the checkpoint or `--golden` brings them, golden outputs. */
export function validateConversion(conversion: ConversionToValidate): Promise<StagesReport> {
  const { folder, model, rewritten, written, contract, settings, checkpoint, options } = conversion
  const { golden, signal, onProgress } = options
  const programs = rewritten.map(({ plan }) => plan)
  return validateStages({
    folder,
    // Beside the files, so that weights can be linked; what is left of a killed process is cleared away with them.
    runtime: { folder, data: written.flatMap(({ onnxData }) => onnxData ?? []) },
    functions: rewritten.flatMap(program => program.plan.functions.map(fn => stageFiles(program, fn, settings.onnxPrecision === 'fp32'))),
    source: { model, contract },
    steps: conversion.pipeline.steps,
    programs,
    ...(golden === undefined ? goldensOf(checkpoint, programs) : { goldens: requireGoldens(golden, programs) }),
    golden,
    gates: chooseGates({ ...settings, hasSource: true }),
    signal,
    onProgress,
  })
}

function stageFiles(
  { plan, targets, exact }: RewrittenProgram,
  { name, source, coreml, onnx }: RewrittenProgram['plan']['functions'][number],
  holdsSource: boolean,
): StageFiles {
  const written = { coreml: targets.coreml.get(name), exact: exact.get(name), onnx: targets.onnx.get(name) }
  return {
    program: plan.name,
    name,
    ports: describeTensors(source, 'coreml'),
    source,
    written,
    coreml,
    onnx: onnx && { ...onnx, holdsSource },
  }
}

/** A fixture brings its goldens along; a download from the hub does not. */
export const goldensOf = (checkpoint: OpenCheckpoint, programs: GoldenPrograms): ReturnType<typeof ownGoldens> =>
  checkpoint.revision === null ? ownGoldens(checkpoint.root, programs) : { goldens: new Map(), notes: [] }
