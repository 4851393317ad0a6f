import { basename, dirname, resolve } from 'node:path'
import { type OpenCheckpoint, openCheckpoint } from '@silane/checkpoint'
import { type Checkpoint, chooseTask, type LoadRequest, type PluginContract, type SourceModel, verifyProgram } from '@silane/core'
import { type Choice, choosePlugin } from '../plugins/choose-plugin.ts'
import { discoverPlugins } from '../plugins/discover-plugins.ts'
import { loadPlugin } from '../plugins/load-plugin.ts'
import type { ModelOptions } from './convert-options.ts'
import { resolvePluginOptions } from './resolve-plugin-options.ts'
import { checkTogether, resolveSettings } from './resolve-settings.ts'
import { shapeEntries } from './settings.ts'

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

/** The folder on disk. That of a model from the hub is told by its config.json, which has been read and counts as used anyway. */
const folderOf = ({ revision, location, has, path }: OpenCheckpoint): string | undefined =>
  revision === null ? location : has('config.json') ? dirname(path('config.json')) : undefined

export async function findPlugin(checkpoint: OpenCheckpoint, options: ModelOptions): Promise<ChosenPlugin> {
  const discovery = discoverPlugins({ explicit: options.plugins, cwd: options.cwd, checkpoint: folderOf(checkpoint) })
  const choice = choosePlugin(discovery, checkpoint, { ...shapeEntries(options), ...options.options })
  if (choice.plugin.warning) options.onNote?.(choice.plugin.warning)
  return { ...choice, contract: await loadPlugin(choice.plugin) }
}

/** What a plugin is asked for: the task, and its options, checked against what it declares. Throws E_OPTION and E_OPTION_UNKNOWN. */
export function loadRequest(
  checkpoint: Checkpoint,
  plugin: Pick<PluginContract, 'id' | 'tasks' | 'options'>,
  options: Omit<ModelOptions, 'model'>,
): LoadRequest {
  const { architecture, task } = chooseTask(checkpoint, plugin.tasks, options.task)
  const given = { ...shapeEntries(options), ...options.options }
  const resolved = resolvePluginOptions(given, plugin.options ?? {}, { plugin: plugin.id, task })
  checkTogether(resolveSettings(options), resolved)
  return { checkpoint, architecture, task, options: resolved }
}

/** A source model, and what it was loaded as. */
export interface LoadedModel extends SourceModel {
  readonly architecture: string
  readonly task: string
}

/** Has the plugin build the programs, in the plain layout of the original. Remarks on the checkpoint's files join its own. */
export async function loadModel(
  checkpoint: OpenCheckpoint,
  { plugin, contract }: Pick<ChosenPlugin, 'plugin' | 'contract'>,
  options: ModelOptions,
): Promise<LoadedModel> {
  const request = loadRequest(checkpoint, contract, options)
  const model = await contract.load(request)
  for (const program of model.programs) verifyProgram(program, `load of ${plugin.package}`)
  const { architecture, task } = request
  const unread =
    task === 'feature-extraction' && model.sentence === undefined && checkpoint.sentenceModules() !== undefined
      ? ['modules.json: the modules of sentence-transformers are not part of the programs; plugin and options do not provide for them']
      : []
  return { ...model, architecture, task, notes: [...checkpoint.notes, ...(model.notes ?? []), ...unread] }
}
