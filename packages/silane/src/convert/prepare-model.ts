import { basename, resolve } from 'node:path'
import { type OpenCheckpoint, openCheckpoint } from '@silane/checkpoint'
import { type PluginContract, type SourceModel, verifyProgram } from '@silane/core'
import { type Choice, choosePlugin } from '../plugins/choose-plugin.ts'
import { discoverPlugins } from '../plugins/discover-plugins.ts'
import { loadPlugin } from '../plugins/load-plugin.ts'
import type { ModelOptions } from './convert-options.ts'
import { recordFiles } from './record-files.ts'
import { resolvePluginOptions } from './resolve-plugin-options.ts'
import type { Settings } from './resolve-settings.ts'

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

/** A source model and the files of the checkpoint that it takes something from. */
export interface LoadedModel {
  readonly model: SourceModel
  readonly files: readonly string[]
}

/** Has the plugin build the programs, in the plain layout of the original. */
export async function loadModel(
  checkpoint: OpenCheckpoint,
  chosen: Pick<ChosenPlugin, 'plugin' | 'contract'>,
  settings: Settings,
  options: ModelOptions,
): Promise<LoadedModel> {
  const own = resolvePluginOptions(options.options ?? {}, chosen.contract.options ?? {}, chosen.plugin.package)
  const recording = recordFiles(checkpoint)
  const model = await chosen.contract.load({ ...settings.request, checkpoint: recording.checkpoint, options: own })
  for (const program of model.programs) verifyProgram(program, `load of ${chosen.plugin.package}`)
  return { model, files: recording.used() }
}
