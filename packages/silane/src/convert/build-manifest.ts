import type { Graph, Json, NonFinite, Pipeline, SourceModel } from '@silane/core'
import type { WrittenPackage } from '@silane/coreml'
import type { OnnxContents } from '@silane/onnx'
import type { DataHolder } from '@silane/runtime'
import { type DeployedProgram, MANIFEST_FILE, type Manifest } from '../manifest.ts'
import type { FoundPlugin } from '../plugins/discover-plugins.ts'
import { versions } from '../versions.ts'
import { describeTensors } from './describe-tensors.ts'
import type { HashedFile } from './hash-files.ts'
import type { ModelPapers } from './model-papers.ts'
import type { ProgramPlan } from './plan-deployment.ts'
import type { LoadedModel } from './prepare-model.ts'
import type { Settings } from './resolve-settings.ts'
import { settings } from './settings.ts'

/** One ONNX file. */
export interface WrittenOnnx {
  readonly opset: number
  readonly bytes: number
  readonly contents: OnnxContents
}

/** Everything that was written for one program. */
export interface WrittenProgram {
  readonly plan: ProgramPlan
  /** The lowered functions, whose borders apps see; empty without the target coreml. */
  readonly coreml: ReadonlyMap<string, Graph>
  readonly packages: ReadonlyMap<string, WrittenPackage>
  readonly onnx: ReadonlyMap<string, WrittenOnnx>
  /** Where the weights of the ONNX files stand, unless in the files themselves. */
  readonly onnxData: DataHolder | undefined
  readonly onnxNonFinite: readonly NonFinite[]
}

export interface ManifestFacts {
  readonly id: string
  readonly revision: string | null
  readonly subfolder: string | undefined
  readonly name: string | undefined
  readonly model: LoadedModel
  readonly papers: ModelPapers
  readonly pipeline: Pipeline
  readonly plugin: FoundPlugin
  readonly files: readonly HashedFile[]
  readonly programs: readonly WrittenProgram[]
  readonly settings: Settings
  readonly ok: boolean
  /** What stands in the output folder beside the manifest. */
  readonly folderFiles: readonly string[]
}

/** Puts silane.json together. */
export function buildManifest({
  id,
  revision,
  subfolder,
  name,
  model,
  papers,
  pipeline,
  plugin,
  files,
  programs,
  settings: given,
  ok,
  folderFiles,
}: ManifestFacts): Manifest {
  const { modelType, architecture, task } = model
  return {
    schema: 1,
    ...(ok ? {} : { ok: false as const }),
    model: {
      id,
      revision,
      ...(subfolder === undefined ? {} : { subfolder }),
      modelType,
      architecture,
      task,
      ...(papers.license === undefined ? {} : { license: papers.license }),
      ...(papers.licenseLink === undefined ? {} : { licenseLink: papers.licenseLink }),
      files: files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    },
    ...(name === undefined ? {} : { name }),
    plugin: { package: plugin.package, version: plugin.version, id: plugin.manifest.id },
    silane: { version: versions.silane, core: versions.core },
    options: resolvedOptions(given, model.options),
    ...(model.sentence ? { sentence: model.sentence } : {}),
    programs: programs.map(describeProgram),
    files: [...folderFiles, MANIFEST_FILE].sort(),
    pipeline,
  }
}

function describeProgram({ plan, coreml, packages, onnx }: WrittenProgram): DeployedProgram {
  const apart = plan.packages.length > 1
  const packageAt = (path: string | undefined) => {
    const written = path === undefined ? undefined : packages.get(path)
    return path !== undefined && written
      ? { coreml: { path, specVersion: written.specVersion, bytes: written.bytes, sha256: written.sha256 } }
      : {}
  }
  const functions = plan.functions.map(fn => {
    const file = onnx.get(fn.name)
    return {
      name: fn.name,
      ...(apart ? packageAt(fn.coreml?.path) : {}),
      ...(fn.onnx && file ? { onnx: { path: fn.onnx.path, opset: file.opset, bytes: file.bytes } } : {}),
      ...describeTensors(coreml.get(fn.name) ?? fn.source, coreml.has(fn.name) ? 'coreml' : 'onnx'),
    }
  })
  const part = plan.partOf === undefined ? {} : { partOf: plan.partOf }
  return { name: plan.name, ...part, ...(apart ? {} : packageAt(plan.packages[0]?.path)), functions }
}

/** The settings and the plugin's options, under the names of their flags. */
function resolvedOptions(resolved: Settings, own: SourceModel['options']): Manifest['options'] {
  const recorded = Object.entries(settings).flatMap(([field, spec]): [string, Json][] =>
    'unrecorded' in spec ? [] : [[spec.flag, resolved[field as keyof typeof settings]]],
  )
  const all = { ...Object.fromEntries(recorded), ...own }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}
