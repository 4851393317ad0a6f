import { basename, resolve } from 'node:path'
import { type OpenCheckpoint, openCheckpoint } from '@silane/checkpoint'
import { type Checkpoint, type LoadRequest, type PluginContract, type SourceModel, verifyProgram } from '@silane/core'
import { type Choice, choosePlugin } from '../plugins/choose-plugin.ts'
import { discoverPlugins } from '../plugins/discover-plugins.ts'
import { loadPlugin } from '../plugins/load-plugin.ts'
import type { ModelOptions } from './convert-options.ts'
import { chainOf, type ModelToDeploy } from './plan-deployment.ts'
import { resolvePluginOptions } from './resolve-plugin-options.ts'
import { resolveSettings } from './resolve-settings.ts'

/** A checkpoint, opened. */
export function openModel(options: ModelOptions): Promise<OpenCheckpoint> {
  const { model, cwd, revision, offline, signal, onProgress } = options
  return openCheckpoint(cwd !== undefined && /^\.{0,2}\//.test(model) ? resolve(cwd, model) : model, {
    revision,
    offline,
    signal,
    onProgress: onProgress && (({ file, bytes, total }) => onProgress({ step: `download ${basename(file)}`, fraction: bytes / total })),
  })
}

/** The plugin that reads a checkpoint, its code loaded. */
export interface ChosenPlugin extends Choice {
  readonly contract: PluginContract
}

export async function findPlugin(checkpoint: OpenCheckpoint, options: ModelOptions): Promise<ChosenPlugin> {
  const discovery = discoverPlugins({ explicit: options.plugins, cwd: options.cwd })
  const choice = choosePlugin(discovery, checkpoint, options.options ?? {})
  if (choice.plugin.warning) options.onNote?.(choice.plugin.warning)
  return { ...choice, contract: await loadPlugin(choice.plugin) }
}

/** What a plugin is asked for: the general options, and its own, checked against what it declares. */
export const loadRequest = (
  checkpoint: Checkpoint,
  plugin: Pick<PluginContract, 'id' | 'options'>,
  options: ModelOptions,
): LoadRequest => ({
  ...resolveSettings(options).request,
  checkpoint,
  options: resolvePluginOptions(options.options ?? {}, plugin.options ?? {}, `Plugin ${plugin.id}`),
})

/** Has the plugin build the programs, in the plain layout of the original. Remarks on the checkpoint's files join its own. */
export async function loadModel(
  checkpoint: OpenCheckpoint,
  { plugin, contract }: Pick<ChosenPlugin, 'plugin' | 'contract'>,
  options: ModelOptions,
): Promise<ModelToDeploy> {
  const load = async (maxPackageBytes = options.maxPackageBytes): Promise<SourceModel> => {
    const model = await contract.load(loadRequest(checkpoint, contract, { ...options, maxPackageBytes }))
    for (const program of model.programs) verifyProgram(program, `load of ${plugin.package}`)
    return { ...model, notes: [...checkpoint.notes, ...(model.notes ?? [])] }
  }
  const model = await load()
  const cut = chainOf(model.pipeline).length > 0 && resolveSettings(options).targets.includes('onnx')
  return { model, whole: cut ? await load(Number.MAX_SAFE_INTEGER) : undefined }
}
