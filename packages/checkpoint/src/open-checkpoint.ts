import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { errors } from './errors.ts'
import { folderCheckpoint, type OpenCheckpoint } from './folder-checkpoint.ts'
import { inside } from './inside.ts'

/** How far the download of one file has come. */
export interface Progress {
  readonly file: string
  readonly bytes: number
  readonly total: number
}

/** Settings for the hub. What is not given comes from the environment, as for the Python library: HF_HOME, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE. */
export interface OpenOptions {
  /** Branch, tag or commit. `org/name@revision` says the same. Default: main. */
  readonly revision?: string | undefined
  /** The checkpoint is this folder of the repository, or of the folder. Default: its top. */
  readonly subfolder?: string | undefined
  readonly cacheDir?: string | undefined
  /** Use only what is in the cache. */
  readonly offline?: boolean | undefined
  readonly token?: string | undefined
  /**
   * Of weights on the hub that are not in the cache, have the headers of safetensors files alone. Elements are fetched by `bringMissing`
   * after they were asked for in vain. Throws E_WEIGHTS_WHOLE for PyTorch files that are large.
   */
  readonly headers?: boolean | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Told why nothing comes for a while: the hub is overloaded and asks to wait. */
  readonly onNote?: ((note: string) => void) | undefined
  /** Told the token that the hub is asked with, wherever it is from, so that whoever prints what the hub says can leave it out. */
  readonly onSecret?: ((secret: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens a folder, or downloads a model from the hub into the shared cache and opens it there; see `headers`. The hub's models are said as
 * `org/name`, `org/name@revision`, `hf://org/name@revision/folder`, or by the address of a page.
 */
export async function openCheckpoint(model: string, options: OpenOptions = {}): Promise<OpenCheckpoint> {
  if (model.includes('\0') || !model.isWellFormed())
    throw errors.E_MODEL_NAME({ model, problem: 'it has characters that no name can have' })
  if (!ADDRESS.test(model)) {
    const path = resolve(model.replace(/^~(?=\/|$)/, homedir()))
    if (model !== '' && isFolder(path)) return openFolder(path, model, options.subfolder)
    if (looksLikePath(model)) throw errors.E_MODEL_FOLDER({ model, where: existsSync(path) ? path : dirname(path) })
  }
  const hub = await import('./hub/hub-snapshot.ts')
  const { folder, identity, remote, subfolder } = await hub.hubSnapshot(model, options)
  return { ...folderCheckpoint(folder, identity, remote), subfolder }
}

/** Says by itself that it is of the hub. */
const ADDRESS = /^(?:hf|https?):\/\//i

function openFolder(folder: string, model: string, subfolder: string | undefined): OpenCheckpoint {
  const below = subfolder?.replace(/\/+$/, '')
  if (below !== undefined && !inside(below)) throw errors.E_MODEL_NAME({ model, problem: `"${below}" cannot be a folder of it` })
  const path = below === undefined ? folder : join(folder, below)
  if (!isFolder(path)) throw errors.E_MODEL_FOLDER({ model: path, where: folder })
  return { ...folderCheckpoint(path, { location: path, id: basename(path), revision: null }), subfolder: undefined }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Ids on the hub have one slash at most, and never begin with a dot or a tilde. A file's name is no id either. */
const looksLikePath = (model: string): boolean =>
  model === '' ||
  /^[./~\\]|^[a-zA-Z]:[\\/]/.test(model) ||
  model.endsWith('/') ||
  model.replace(/@.*$/, '').split('/').length > 2 ||
  statSync(model, { throwIfNoEntry: false }) !== undefined
