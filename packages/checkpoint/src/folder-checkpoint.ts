import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Checkpoint, isSilaneError, type Json } from '@silane/core'
import { chooseWeights } from './choose-weights.ts'
import { errors } from './errors.ts'
import { inside } from './inside.ts'
import { parseJson } from './parse-json.ts'
import { RandomAccessFile } from './random-access-file.ts'
import { readSafetensors } from './read-safetensors.ts'
import { readShards } from './read-shards.ts'
import { readTorch } from './torch/read-torch.ts'
import type { WeightsFile } from './weights-file.ts'

/** The largest tokenizer.json in use has 35 MB, the largest index of shards 10 MB. */
const MAX_JSON_BYTES = 256_000_000

/** A folder with more files than this is a home folder or a disk, not a checkpoint. */
const MAX_FILES = 50_000

/** How a checkpoint is called: the fields of the contract that say where it is from. */
export type Identity = Pick<Checkpoint, 'location' | 'id' | 'revision'>

/** A checkpoint that holds files open until it is closed. */
export type OpenCheckpoint = Checkpoint & { close(): void }

/** Opens the checkpoint that is in a folder. The headers of its weights are read and checked; elements are not. */
export function folderCheckpoint(root: string, identity: Identity): OpenCheckpoint {
  const files = listFiles(root, identity.location)
  const opened: RandomAccessFile[] = []
  const close = () => {
    for (const file of opened) file.close()
  }
  try {
    return { ...checkpoint({ root, files, prefix: '', opened }, identity), close }
  } catch (error) {
    close()
    throw error
  }
}

/** The checkpoint in the folder `root/prefix`. Its files carry their names from the root on, so that ids differ between folders. */
interface Place {
  readonly root: string
  /** All files under the root. */
  readonly files: readonly string[]
  /** Empty, or a sub-folder and a slash. */
  readonly prefix: string
  /** Where to put what has to be closed. */
  readonly opened: RandomAccessFile[]
}

function checkpoint(place: Place, identity: Identity): Checkpoint {
  const { root, prefix, opened } = place
  const where = identity.location
  const files = place.files.filter(file => file.startsWith(prefix)).map(file => file.slice(prefix.length))
  const present = new Set(files)
  const has = (file: string): boolean => present.has(file)
  const path = (file: string): string => {
    if (!inside(file)) throw errors.E_FILE_NAME({ name: file, from: 'The request', where })
    if (!has(file)) throw errors.E_FILE_MISSING({ file, where })
    return join(root, prefix, file)
  }
  const parsed = new Map<string, Json>()
  const json = (file: string): Json | undefined => {
    if (!has(file)) return undefined
    const value = parsed.get(file) ?? readJson(path(file), file, where)
    parsed.set(file, value)
    return value
  }
  const open = (file: string): WeightsFile => {
    if (file.endsWith('.index.json')) return readShards(json(file) ?? null, file, where, shard => (has(shard) ? open(shard) : undefined))
    const source = new RandomAccessFile(path(file), prefix + file, where)
    opened.push(source)
    return file.endsWith('.safetensors') ? readSafetensors(source) : readTorch(source)
  }
  const config = json('config.json') ?? {}
  if (!isObject(config)) throw errors.E_JSON_KIND({ file: 'config.json', where })
  const chosen = chooseWeights(files, where)
  const weights = chosen === undefined ? undefined : open(chosen)
  const folders = new Map<string, Checkpoint>()
  const folder = (name: string): Checkpoint => {
    if (!inside(name)) throw errors.E_FILE_NAME({ name, from: 'The request', where })
    // A folder without files is one too: modules without settings have nothing that a repository could hold.
    const known =
      folders.get(name) ??
      checkpoint({ ...place, prefix: `${prefix}${name}/` }, { ...identity, location: `${where}/${name}`, id: `${identity.id}/${name}` })
    folders.set(name, known)
    return known
  }
  return {
    ...identity,
    config,
    files,
    has,
    json,
    path,
    folder,
    tensorNames: weights?.names ?? [],
    tensor: name => {
      if (!weights) throw errors.E_WEIGHTS_MISSING({ where })
      return weights.tensor(name)
    },
  }
}

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readJson(path: string, file: string, where: string): Json {
  const size = statSync(path).size
  if (size > MAX_JSON_BYTES) throw errors.E_FILE_SIZE({ file, size, limit: MAX_JSON_BYTES, where })
  return parseJson(readFileSync(path), { file, where })
}

/** The files of a folder and of the folders in it. Hidden ones are left out: `.git` and `.cache` hold none of the checkpoint. */
function listFiles(root: string, where: string): string[] {
  const files: string[] = []
  const list = (folder: string) => {
    for (const name of readdirSync(join(root, folder))) {
      if (name.startsWith('.')) continue
      // A link counts as what it leads to; one that leads nowhere is a file that is missing.
      const kind = statSync(join(root, folder, name), { throwIfNoEntry: false })
      if (kind?.isFile()) files.push(folder + name)
      if (kind?.isDirectory() && folder === '') list(`${name}/`)
      if (files.length > MAX_FILES) throw errors.E_FOLDER_SIZE({ limit: MAX_FILES, where })
    }
  }
  try {
    list('')
  } catch (cause) {
    if (isSilaneError(cause)) throw cause
    throw errors.E_FILE_READ({ file: 'The folder', problem: cause instanceof Error ? cause.message : String(cause), where }, { cause })
  }
  return files.sort()
}
