import { resolve } from 'node:path'
import { isSilaneError, type TargetName } from '@silane/core'
import type { ModelOptions } from '../convert/convert-options.ts'
import { findPlugin, loadRequest, openToLook } from '../convert/prepare-model.ts'
import { resolveSettings } from '../convert/resolve-settings.ts'
import { errors } from '../errors.ts'
import { CI_FILE, type OptionSet, readCiFile } from './ci-file.ts'
import { entryOptions, planMatrix } from './plan-matrix.ts'
import { entriesOfShard, type Shard } from './shard.ts'

/** Where the work is described, and what holds for every model. */
export interface CiOptions extends Pick<ModelOptions, 'offline' | 'token' | 'cacheDir'> {
  /** Default: `silane.ci.json` in the working directory. */
  readonly config?: string | undefined
  /** Names or paths of plugins to use instead of those that are found. */
  readonly plugins?: readonly string[] | undefined
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface MatrixOptions extends CiOptions, Pick<ModelOptions, 'onProgress'> {
  /** Only these entries; default: all. */
  readonly shard?: Shard | undefined
}

export interface MatrixEntry {
  readonly name: string
  /** As the file has it. */
  readonly model: string
  readonly task: string
  readonly target: TargetName
  readonly options: OptionSet
}

/** For `strategy: { matrix: ${{ fromJSON(…) }} }` of GitHub Actions. */
export interface Matrix {
  readonly include: readonly MatrixEntry[]
}

/** Jobs that a matrix of GitHub Actions may have. */
const MAX_ENTRIES = 256

export const configPath = ({ config = CI_FILE, cwd = '.' }: CiOptions): string => resolve(cwd, config)

/**
 * What there is to convert, each with the task that it gets. Every checkpoint is looked at, and its options are held against what the plugin
 * declares, so that what cannot work ends here and not on a hundred machines. Throws E_CI_SIZE for more than 256 entries, and what
 * stands in the way of one of them, such as a plugin that is not installed.
 */
export async function matrix(options: MatrixOptions = {}): Promise<Matrix> {
  const path = configPath(options)
  const file = readCiFile(path)
  const all = planMatrix(file)
  const entries = options.shard ? entriesOfShard(all, options.shard) : all
  if (entries.length > MAX_ENTRIES)
    throw errors.E_CI_SIZE({ count: all.length, limit: MAX_ENTRIES, shards: Math.ceil(all.length / MAX_ENTRIES) })
  const include: MatrixEntry[] = []
  const { plugins, offline, token, cacheDir, cwd, signal, onProgress } = options
  const hub = { offline, token, cacheDir }
  // Entries of a model follow one another, but for models that the file names again.
  for (const model of new Set(entries.map(entry => entry.model))) {
    const own = entries.filter(entry => entry.model === model)
    const [any] = own
    if (any === undefined) continue
    const { model: place } = entryOptions(any, file.folder)
    const checkpoint = await openHeaders({ model: place, ...hub, cwd, signal, onProgress })
    try {
      if (checkpoint.refusal) throw checkpoint.refusal
      for (const entry of own) {
        const asked = { ...entryOptions(entry, file.folder), plugins, ...hub, cwd, signal }
        resolveSettings(asked)
        const { contract } = await findPlugin(checkpoint, asked)
        const { task } = loadRequest(checkpoint, contract, asked)
        include.push({ name: entry.name, model, task, target: entry.target, options: entry.options })
      }
    } finally {
      checkpoint.close()
    }
  }
  const order = new Map(entries.map(({ name }, i) => [name, i]))
  return { include: include.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0)) }
}

/** Which task it is, headers tell; what a PyTorch file holds is told with all of it alone. */
async function openHeaders(options: Parameters<typeof openToLook>[0]): ReturnType<typeof openToLook> {
  try {
    return await openToLook({ ...options, headers: true })
  } catch (error) {
    if (!isSilaneError(error) || error.code !== 'E_WEIGHTS_WHOLE') throw error
    return openToLook(options)
  }
}
