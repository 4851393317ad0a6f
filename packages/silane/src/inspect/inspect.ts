import { existsSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { isSilaneError, type Json, sizeOf } from '@silane/core'
import type { Finding } from '@silane/coreml'
import type { OnnxSummary } from '@silane/onnx'
import { analyzeGraph, type GraphAnalysis } from '../analyze-graph.ts'
import type { ModelOptions } from '../convert/convert-options.ts'
import { describeTensors } from '../convert/describe-tensors.ts'
import { keptFolder } from '../convert/output-folder.ts'
import { type ProgramPlan, planDeployment } from '../convert/plan-deployment.ts'
import { findPlugin, loadModel, openToLook, whileMissing } from '../convert/prepare-model.ts'
import { resolveSettings } from '../convert/resolve-settings.ts'
import { rewriteProgram } from '../convert/rewrite-program.ts'
import { errors } from '../errors.ts'
import { folderProgram } from '../folder-program.ts'
import { type DeployedOutput, type DeployedTensor, isConverted, type Manifest, packageOf, readManifest } from '../manifest.ts'
import { type FunctionReport, functionReports } from '../report/function-reports.ts'

export interface TensorSummary {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
}

/** A function as it would be, or was, deployed. */
export interface FunctionSummary {
  readonly program: string
  readonly function: string
  readonly files: readonly string[]
  readonly inputs: readonly DeployedTensor[]
  readonly outputs: readonly DeployedOutput[]
  readonly states: readonly DeployedTensor[]
}

export interface CheckpointInspection {
  readonly kind: 'checkpoint'
  readonly location: string
  readonly config: { readonly [key: string]: Json }
  readonly files: readonly string[]
  readonly tensors: readonly TensorSummary[]
  readonly parameters: number
  readonly bytes: number
  /** Whether a plugin reads it; absent where that was not asked, since its weights cannot be taken. */
  readonly claimed?: boolean
  /** The plugin that would convert it, and why; the plan; the lowered graphs. Absent where something stands in the way. */
  readonly plugin?: { readonly package: string; readonly version: string; readonly because: readonly string[] }
  readonly model?: {
    readonly architecture: string
    readonly task: string
    readonly options: { readonly [key: string]: Json }
    readonly notes: readonly string[]
    /** Tensors that would not be in the converted model, although the plugin does not know that they may be left out. */
    readonly unread: readonly string[]
  }
  readonly plan?: readonly FunctionSummary[]
  readonly functions?: readonly FunctionReport[]
  /** What stands in the way. */
  readonly problem?: { readonly code: string; readonly what: string; readonly next: string | undefined }
}

export interface PackageInspection {
  readonly kind: 'package'
  readonly location: string
  readonly specVersion: number | undefined
  readonly findings: readonly Finding[]
  readonly functions: readonly {
    readonly name: string
    readonly analysis: GraphAnalysis
    readonly inputs: readonly DeployedTensor[]
    readonly outputs: readonly DeployedOutput[]
    readonly states: readonly DeployedTensor[]
  }[]
}

export interface FolderInspection {
  readonly kind: 'folder'
  readonly location: string
  readonly manifest: Manifest
  readonly packages: readonly PackageInspection[]
}

export interface OnnxInspection {
  readonly kind: 'onnx'
  readonly location: string
  readonly summary: OnnxSummary
}

export type Inspection = CheckpointInspection | PackageInspection | FolderInspection | OnnxInspection

/** What to look at, and how. */
export interface InspectOptions extends ModelOptions {
  /** Bring the weights of a model on the hub into the cache. Default: their headers are read, which tell all that is shown. */
  readonly download?: boolean | undefined
}

/** Looks at a checkpoint, a converted folder, an .mlpackage or an .onnx file, without writing anything. */
export async function inspect(options: InspectOptions): Promise<Inspection> {
  const path = resolve(options.cwd ?? '.', options.model)
  if (path.endsWith('.mlpackage')) return inspectPackage(path)
  if (path.endsWith('.onnx')) return inspectOnnx(path)
  if (isConverted(path) || keptFolder(path) !== undefined) return inspectFolder(path)
  return inspectCheckpoint(options)
}

async function inspectCheckpoint(options: InspectOptions): Promise<CheckpointInspection> {
  const settings = resolveSettings(options)
  const checkpoint = await openToLook({ ...options, headers: !options.download })
  try {
    // As the file has them: quantised, and an adapter's apart.
    const tensors = checkpoint.stored.map(({ name, dtype, shape }): TensorSummary => ({ name, dtype, shape }))
    const { location, config, files } = checkpoint
    const parameters = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    const bytes = checkpoint.stored.reduce((sum, tensor) => sum + tensor.bytes, 0)
    const facts = { kind: 'checkpoint' as const, location, config, files, tensors, parameters, bytes }
    let plugin: CheckpointInspection['plugin']
    let claimed: CheckpointInspection['claimed']
    try {
      if (checkpoint.refusal) throw checkpoint.refusal
      claimed = false
      const chosen = await findPlugin(checkpoint, options)
      claimed = true
      plugin = { package: chosen.plugin.package, version: chosen.plugin.version, because: chosen.because }
      const { onnxContents } = await import('@silane/onnx')
      const found = await whileMissing(checkpoint, async () => {
        const model = await loadModel(checkpoint, chosen, options)
        const rewritten = planDeployment(model, settings).programs.map(program => rewriteProgram(program, chosen.contract, settings))
        return {
          model: {
            architecture: model.architecture,
            task: model.task,
            options: model.options,
            notes: model.notes ?? [],
            unread: model.unread,
          },
          plan: rewritten.flatMap(({ plan, targets }) => summarize(plan, targets.coreml)),
          functions: rewritten.flatMap(program => functionReports(program, (_, graph) => onnxContents(graph, settings.onnxPrecision))),
        }
      })
      return { ...facts, claimed, plugin, ...found }
    } catch (error) {
      // What is there can be shown although it cannot be converted; a fault of ours is thrown all the same.
      if (!isSilaneError(error) || error.exitCode === 1) throw error
      return {
        ...facts,
        ...(claimed === undefined ? {} : { claimed }),
        ...(plugin ? { plugin } : {}),
        problem: { code: error.code, what: error.what, next: error.next },
      }
    }
  } finally {
    checkpoint.close()
  }
}

const summarize = (plan: ProgramPlan, lowered: ReadonlyMap<string, ProgramPlan['functions'][number]['source']>): FunctionSummary[] =>
  plan.functions.map(fn => ({
    program: plan.name,
    function: fn.name,
    files: [fn.coreml?.path, fn.onnx?.path].filter(path => path !== undefined),
    ...describeTensors(lowered.get(fn.name) ?? fn.source, lowered.has(fn.name) ? 'coreml' : 'onnx'),
  }))

async function inspectPackage(path: string): Promise<PackageInspection> {
  if (!existsSync(path)) throw errors.E_USAGE({ problem: `There is no ${path}.`, next: 'Give the path of an .mlpackage.' })
  const { examinePackage } = await import('@silane/coreml')
  const { findings, read } = await examinePackage(path)
  return {
    kind: 'package',
    location: path,
    specVersion: read?.specVersion,
    findings,
    functions: (read?.functions ?? []).map(graph => ({
      name: graph.name,
      analysis: analyzeGraph(graph),
      ...describeTensors(graph, 'coreml'),
    })),
  }
}

async function inspectFolder(path: string): Promise<FolderInspection> {
  const manifest = readManifest(path)
  const paths = new Set(manifest.programs.flatMap(program => program.functions.map(fn => packageOf(program, fn)?.path)))
  const packages: PackageInspection[] = []
  for (const file of paths) if (file !== undefined) packages.push(await inspectPackage(folderProgram(path, file, 'package')))
  return { kind: 'folder', location: path, manifest, packages }
}

async function inspectOnnx(path: string): Promise<OnnxInspection> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw errors.E_USAGE({ problem: `There is no file ${path}.`, next: 'Give the path of an .onnx file.' })
  const { readOnnxSummary } = await import('@silane/onnx')
  return { kind: 'onnx', location: basename(path), summary: readOnnxSummary(path) }
}
