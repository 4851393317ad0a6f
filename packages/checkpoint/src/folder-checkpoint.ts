import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Checkpoint, isJsonObject, isSilaneError, type Json, type SilaneError } from '@silane/core'
import { ADAPTER_CONFIG, baseModel } from './adapter/adapter-config.ts'
import { mergeAdapter } from './adapter/merge-adapter.ts'
import { chooseWeights } from './choose-weights.ts'
import { countedShards, indexOfShards } from './counted-shards.ts'
import { errors } from './errors.ts'
import { type FolderFileOptions, folderFile, MAX_FILE_BYTES } from './folder-file.ts'
import type { RemoteFile } from './hub/remote-file.ts'
import { imageProcessor } from './image-processor.ts'
import { inside } from './inside.ts'
import { adapterFile, isAdapter } from './is-adapter.ts'
import { listFiles } from './list-files.ts'
import { MODEL_CARD, type ModelCard, readModelCard } from './model-card.ts'
import { modelFiles } from './model-files.ts'
import { dequantise } from './quantised/dequantise.ts'
import { quantisation, refuseQuantisation } from './quantised/quantisation.ts'
import { RandomAccessFile } from './random-access-file.ts'
import { jsonLimit, readJsonFile } from './read-json-file.ts'
import { readSafetensors } from './read-safetensors.ts'
import { readShards } from './read-shards.ts'
import { sentenceModules, sentenceSettings } from './sentence-modules.ts'
import { tokenLimit } from './token-limit.ts'
import { readTorch } from './torch/read-torch.ts'
import type { StoredTensor, WeightsFile } from './weights-file.ts'

/** How a checkpoint is called: the fields of the contract that say where it is from. */
export type Identity = Pick<Checkpoint, 'location' | 'id' | 'revision'>

/** A checkpoint that holds files open until it is closed, and knows which of them something was taken from. */
export interface OpenCheckpoint extends Checkpoint {
  /**
   * The files, sub-folders included, that something was taken from so far: JSON, paths that were asked for, tensors, the index
   * that says where those are. Sorted names, relative to the folder.
   */
  used(): readonly string[]
  /** Remarks on what was made of the files: weights that were put together of several tensors, and what was left. */
  readonly notes: readonly string[]
  /** Why no tensor can be taken, where that is known already; asking for one throws it. */
  readonly refusal: SilaneError | undefined
  /** The names of tensors that an adapter changed. */
  readonly changed: readonly string[]
  /** The tensors as the weights' file has them, readable or not, before anything is made of them. */
  readonly stored: readonly (StoredTensor & { readonly name: string })[]
  /** What its README.md says of it in the front matter; undefined where there is none. */
  modelCard(): ModelCard | undefined
  /** The folder on disk. */
  readonly root: string
  /** Of a repository on the hub, the folder that this is; undefined for its top, and for what is on disk. */
  readonly subfolder: string | undefined
  /** Throws E_FILE_CHANGED where a file that something was taken from is not what it was when it was opened first. */
  checkUnchanged(): void
  /**
   * After E_WEIGHTS_REMOTE: fetches what was asked for, so that it can be asked for again. False where nothing was, or where so much was
   * that the weights should be downloaded.
   */
  bringMissing(): Promise<boolean>
  close(): void
}

/** A checkpoint, and what its weights were made of. */
type Opened = Checkpoint & Pick<OpenCheckpoint, 'notes' | 'refusal' | 'changed' | 'stored'>

/** Parts of weights that are fetched one after the other, and their bytes in all: tables of positions, not whole weights. */
const MAX_PARTS = 64
const MAX_PART_BYTES = 64 << 20

const NONE: ReadonlyMap<string, RemoteFile> = new Map()

/**
 * Opens the checkpoint that is in a folder. The headers of its weights are read and checked; elements are not. Files of `remote` count as
 * the folder's, by their names from it on.
 */
export function folderCheckpoint(root: string, identity: Identity, remote = NONE): Omit<OpenCheckpoint, 'subfolder'> {
  const files = [...new Set([...listFiles(root, identity.location), ...remote.keys()])].sort()
  const opened: RandomAccessFile[] = []
  const used = new Set<string>()
  const states = new Map<string, string>()
  const place = (file: string, options?: FolderFileOptions): string => {
    const path = folderFile(root, { file, where: identity.location }, options)
    // Before anything is read: what changes after that is seen at the end.
    if (!states.has(file)) states.set(file, stateOf(path))
    return path
  }
  const checkUnchanged = () => {
    for (const [file, state] of states)
      if (stateOf(join(root, file)) !== state) throw errors.E_FILE_CHANGED({ file, where: identity.location })
  }
  const close = () => {
    for (const file of opened) file.close()
  }
  try {
    const whole = checkpoint({ place, files, prefix: '', opened, used, remote }, identity)
    const modelCard = () => {
      if (!files.includes(MODEL_CARD)) return undefined
      const card = readModelCard(place(MODEL_CARD, { limit: MAX_FILE_BYTES }))
      used.add(MODEL_CARD)
      return card
    }
    return { ...whole, root, used: () => [...used].sort(), modelCard, checkUnchanged, close, bringMissing: partsOf(remote) }
  } catch (error) {
    close()
    throw error
  }
}

/** Fetches the part that was asked for last, within bounds. */
function partsOf(remote: ReadonlyMap<string, RemoteFile>): () => Promise<boolean> {
  let [parts, bytes] = [0, 0]
  return async () => {
    const file = [...remote.values()].find(({ wanted }) => wanted > 0)
    if (!file || ++parts > MAX_PARTS) return false
    bytes += file.wanted
    if (bytes > MAX_PART_BYTES) return false
    await file.bringWanted()
    return true
  }
}

/** What tells one content of a file from another without reading it; empty where there is none. The inode: the file may have been replaced. */
function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true })
  return found ? [found.dev, found.ino, found.size, found.mtimeNs].join() : ''
}

/** The checkpoint in the folder `root/prefix`. Its files carry their names from the root on, so that ids differ between folders. */
interface Place {
  /** The path of a file by its name from the root on; see `folderFile`. */
  readonly place: (file: string, options?: FolderFileOptions) => string
  /** All files under the root. */
  readonly files: readonly string[]
  /** Empty, or a sub-folder and a slash. */
  readonly prefix: string
  /** Where to put what has to be closed. */
  readonly opened: RandomAccessFile[]
  /** Where to note what something is taken from. */
  readonly used: Set<string>
  /** What is not in the folder, by its name from the root on. */
  readonly remote: ReadonlyMap<string, RemoteFile>
}

function checkpoint(place: Place, identity: Identity): Opened {
  const { prefix, opened, used } = place
  const where = identity.location
  const stored = place.files.filter(file => file.startsWith(prefix)).map(file => file.slice(prefix.length))
  const parsed = new Map<string, Json>()
  /** Reads a file by its place in the folder, once. */
  const parse = (at: string): Json => {
    used.add(prefix + at)
    const value = parsed.get(at) ?? readJsonFile(place.place(prefix + at, { limit: jsonLimit(at) }), { file: at, where })
    parsed.set(at, value)
    return value
  }
  const places = modelFiles(stored, stored.includes('modules.json') ? parse('modules.json') : undefined)
  const files = [...places.keys()]
  const has = (file: string): boolean => places.has(file)
  const placeOf = (file: string): string => {
    if (!inside(file)) throw errors.E_FILE_NAME({ name: file, from: 'The request', where })
    const at = places.get(file)
    if (at === undefined) throw errors.E_FILE_MISSING({ file, where })
    return at
  }
  const path = (file: string): string => {
    const at = placeOf(file)
    const missing = place.remote.get(prefix + at)
    if (missing) throw errors.E_WEIGHTS_REMOTE({ file: prefix + at, bytes: missing.size, where })
    const found = place.place(prefix + at)
    used.add(prefix + at)
    return found
  }
  const json = (file: string): Json | undefined => (has(file) ? parse(placeOf(file)) : undefined)
  /** A file, or all that an index names, or that the file's name counts. */
  const open = (file: string): WeightsFile => {
    const shards = countedShards(file, files, where)
    if (!shards && !file.endsWith('.index.json')) return openFile(file)
    const shardFiles = new Map<string, WeightsFile>()
    const openShard = (shard: string): WeightsFile => {
      const known = shardFiles.get(shard) ?? openFile(shard)
      shardFiles.set(shard, known)
      return known
    }
    const index = shards ? indexOfShards(shards, openShard, where) : json(file)
    return readShards(index ?? null, file, where, shard => (has(shard) ? openShard(shard) : undefined))
  }
  const read = (name: string): WeightsFile => {
    const remote = place.remote.get(name)
    if (remote) return readSafetensors(remote)
    const source = new RandomAccessFile(place.place(name), name, where)
    opened.push(source)
    return name.endsWith('.safetensors') ? readSafetensors(source) : readTorch(source)
  }
  const openFile = (file: string): WeightsFile => {
    const name = prefix + placeOf(file)
    const { tensor, ...rest } = read(name)
    // Opening a shard is no use of it: only the names in its header were looked at.
    const taken = (found: string) => {
      const given = tensor(found)
      if (given) used.add(name)
      return given
    }
    return { ...rest, tensor: taken }
  }
  const config = json('config.json') ?? {}
  if (!isJsonObject(config)) throw errors.E_JSON_KIND({ file: 'config.json', where })
  const { table, tensors, changed, notes, refusal } = openWeights({ config, files, json, open, where })
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
    sentenceModules: () => sentenceModules({ json, folder, location: where }),
    sentenceSettings: () => sentenceSettings({ json, folder, location: where }),
    tokenLimit: () => tokenLimit({ json, location: where }),
    imageProcessor: () => imageProcessor({ json }),
    tensorNames: tensors?.names ?? table?.names ?? [],
    tensor: name => {
      if (tensors) return tensors.tensor(name)
      throw refusal ?? errors.E_WEIGHTS_MISSING({ where })
    },
    notes,
    refusal,
    changed,
    stored: (table?.names ?? []).flatMap(name => {
      const found = table?.stored(name)
      return found ? [{ name, ...found }] : []
    }),
  }
}

interface Folder {
  readonly config: { readonly [key: string]: Json }
  readonly files: readonly string[]
  readonly json: (file: string) => Json | undefined
  readonly open: (file: string) => WeightsFile
  readonly where: string
}

interface OpenedWeights extends Pick<OpenCheckpoint, 'notes' | 'refusal' | 'changed'> {
  /** The tensors of the file. */
  readonly table?: WeightsFile
  /** What they are to the model; absent where the folder has none, or none that can be read. */
  readonly tensors?: WeightsFile
}

/**
 * Opens the weights of a folder, and gives them under the names and with the values that the model has: quantised ones as what they
 * stand for, an adapter merged. What cannot be given so is a refusal, so that the rest of the folder can be looked at all the same.
 */
function openWeights({ config, files, json, open, where }: Folder): OpenedWeights {
  const adapters = files.filter(isAdapter)
  const chosen = chooseWeights(files, where)
  if (chosen === undefined) {
    const base = baseModel(files.includes(ADAPTER_CONFIG) ? json(ADAPTER_CONFIG) : undefined)
    const refusal = adapters.length > 0 ? errors.E_WEIGHTS_ADAPTER({ files: adapters, base, where }) : undefined
    return { notes: [], refusal, changed: [] }
  }
  const quantised = quantisation(config)
  const refused = quantised && refusalOf(() => refuseQuantisation(quantised, where))
  // Of a form that is not read, not even the container may be.
  if (refused) {
    const table = attempt(() => open(chosen))
    return { ...(table ? { table } : {}), notes: [], refusal: refused, changed: [] }
  }
  const table = open(chosen)
  let tensors: WeightsFile | undefined
  let made: Pick<OpenedWeights, 'notes' | 'changed'> = { notes: [], changed: [] }
  const refusal = refusalOf(() => {
    const file = adapterFile(adapters)
    const others = adapters.filter(name => name !== file && name !== ADAPTER_CONFIG)
    if (others[0] !== undefined && (file === undefined || !others.every(name => /^adapter_model\.\w+$/.test(name)))) {
      throw errors.E_ADAPTER({ problem: `${others[0]} is an adapter in a form that is not merged`, where })
    }
    const plain = dequantise(table, quantised, { file: chosen, where })
    const settings = files.includes(ADAPTER_CONFIG) ? json(ADAPTER_CONFIG) : undefined
    const beside = file === undefined ? undefined : { file, weights: open(file) }
    const merged = mergeAdapter({ base: plain.weights, file: chosen, beside, settings, config, where })
    tensors = merged.weights
    made = { notes: [...plain.notes, ...merged.notes], changed: merged.changed }
  })
  return { table, ...(tensors ? { tensors } : {}), ...made, refusal }
}

/** The error of these codes that a step ends with, if it does. Others are thrown: a file that is broken cannot be looked at either. */
function refusalOf(step: () => void): SilaneError | undefined {
  try {
    step()
    return undefined
  } catch (error) {
    if (isSilaneError(error) && ['E_TENSOR_DTYPE', 'E_ADAPTER'].includes(error.code)) return error
    throw error
  }
}

function attempt<T>(open: () => T): T | undefined {
  try {
    return open()
  } catch (error) {
    if (isSilaneError(error)) return undefined
    throw error
  }
}
