import { dirname, resolve } from 'node:path'
import { type OpenCheckpoint, openCheckpoint } from '@silane/checkpoint'
import {
  type Checkpoint,
  type Constant,
  chooseTask,
  isSilaneError,
  type LoadRequest,
  type PluginContract,
  type SourceModel,
  verifyProgram,
} from '@silane/core'
import { type Choice, choosePlugin } from '../plugins/choose-plugin.ts'
import { discoverPlugins } from '../plugins/discover-plugins.ts'
import { loadPlugin } from '../plugins/load-plugin.ts'
import { modelProblem } from '../plugins/model-problem.ts'
import { runningPlugin, runPlugin } from '../plugins/run-plugin.ts'
import { addSecret } from '../secrets.ts'
import type { ModelOptions } from './convert-options.ts'
import { differingTies } from './differing-ties.ts'
import { resolvePluginOptions } from './resolve-plugin-options.ts'
import { checkTogether, resolveSettings } from './resolve-settings.ts'
import { shapeEntries } from './settings.ts'
import { watchTensors } from './unread-tensors.ts'

/** A checkpoint, opened. Throws where its weights cannot be taken as they are, before anything else is looked at. */
export async function openModel(options: OpenModelOptions): Promise<OpenCheckpoint> {
  const checkpoint = await openToLook(options)
  if (!checkpoint.refusal) return checkpoint
  checkpoint.close()
  throw checkpoint.refusal
}

interface OpenModelOptions extends ModelOptions {
  /** Of weights on the hub, headers are enough; see `whileMissing`. */
  readonly headers?: boolean
}

/** A checkpoint, opened, whether or not its weights can be taken (see `refusal`). */
export function openToLook(options: OpenModelOptions): Promise<OpenCheckpoint> {
  const { model, cwd, revision, subfolder, offline, token, cacheDir, headers, signal, onProgress, onNote } = options
  return openCheckpoint(cwd !== undefined && /^\.{0,2}\//.test(model) ? resolve(cwd, model) : model, {
    revision,
    subfolder,
    offline,
    token,
    cacheDir,
    headers,
    signal,
    onNote,
    onSecret: addSecret,
    onProgress:
      onProgress &&
      (({ file, bytes, total }) => onProgress({ step: `download ${file}`, fraction: total === 0 ? 1 : bytes / total, bytes, total })),
  })
}

/**
 * Does something with a checkpoint of which the hub has the weights. Where it asks for elements, which few do, these are fetched, and it
 * is done anew: what it makes must be nothing but its result.
 */
export async function whileMissing<T>(checkpoint: OpenCheckpoint, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isSilaneError(error) || error.code !== 'E_WEIGHTS_REMOTE' || !(await checkpoint.bringMissing())) throw error
    }
  }
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
  for (const note of [choice.plugin.warning, choice.note]) if (note !== undefined) options.onNote?.(note)
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
  /** Tensors that nothing has read, although the plugin does not know that they may be left. */
  readonly unread: readonly string[]
  /** Tensors of the checkpoint that were read, by name. Their elements can be had while the checkpoint is open. */
  readonly tensors: ReadonlyMap<string, Constant>
}

/** Has the plugin build the programs, in the plain layout of the original. Remarks on the checkpoint's files join its own. */
export async function loadModel(
  checkpoint: OpenCheckpoint,
  { plugin, contract }: Pick<ChosenPlugin, 'plugin' | 'contract'>,
  options: ModelOptions,
): Promise<LoadedModel> {
  const watched = watchTensors(checkpoint)
  const request = loadRequest(watched.checkpoint, contract, options)
  const model = await runPlugin({ plugin: runningPlugin(plugin), doing: 'its load' }, async () => {
    const loaded = await contract.load(request)
    const problem = modelProblem(loaded)
    if (problem !== undefined) throw new Error(problem)
    for (const program of loaded.programs) verifyProgram(program, `load of ${plugin.package}`)
    return loaded
  })
  const { architecture, task } = request
  const notes = [
    ...checkpoint.notes,
    ...(contract.ownCode ? [] : foreignCode(checkpoint, architecture)),
    ...(model.notes ?? []),
    ...differingTies(checkpoint, watched.taken, contract.tied?.(request) ?? []),
    ...modulesLeft(checkpoint, task, model),
  ]
  return { ...model, architecture, task, unread: watched.unread(contract.spare ?? []), tensors: watched.taken, notes }
}

/** That the modules beside a model were not made part of it. */
const modulesLeft = (checkpoint: Checkpoint, task: string, { sentence }: SourceModel): readonly string[] =>
  task === 'feature-extraction' && sentence === undefined && checkpoint.sentenceModules() !== undefined
    ? ['modules.json: the modules of sentence-transformers are not part of the programs; plugin and options do not provide for them']
    : []

/** That a checkpoint brings code of its own, which nobody runs here. */
function foreignCode({ config }: Checkpoint, architecture: string): readonly string[] {
  const { auto_map: map } = config
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return []
  const classes = Object.values(map).flatMap(name => (typeof name === 'string' ? [name] : []))
  return classes.length === 0
    ? []
    : [
        `config.json: auto_map names code that came with the checkpoint (${[...new Set(classes)].join(', ')}); it is not run, and the model is taken as ${architecture}`,
      ]
}
