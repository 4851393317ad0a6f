import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Checkpoint, Json } from '@silane/core'
import { chooseWeights } from './choose-weights.ts'
import { errors } from './errors.ts'
import { imageProcessor } from './image-processor.ts'
import { inside } from './inside.ts'
import { isAdapter } from './is-adapter.ts'
import { listFiles } from './list-files.ts'
import { modelFiles } from './model-files.ts'
import { parseJson } from './parse-json.ts'
import { RandomAccessFile } from './random-access-file.ts'
import { readSafetensors } from './read-safetensors.ts'
import { readShards } from './read-shards.ts'
import { sentenceModules, sentenceSettings } from './sentence-modules.ts'
import { tokenLimit } from './token-limit.ts'
import { readTorch } from './torch/read-torch.ts'
import type { WeightsFile } from './weights-file.ts'

/** The largest tokenizer.json in use has 35 MB, the largest index of shards 10 MB. */
const MAX_JSON_BYTES = 256_000_000

/** How a checkpoint is called: the fields of the contract that say where it is from. */
export type Identity = Pick<Checkpoint, 'location' | 'id' | 'revision'>

/** A checkpoint that holds files open until it is closed, and knows which of them something was taken from. */
export interface OpenCheckpoint extends Checkpoint {
  /**
   * The files, sub-folders included, that something was taken from so far: JSON, paths that were asked for, tensors, the index
   * that says where those are. Sorted names, relative to the folder.
   */
  used(): readonly string[]
  /** Remarks on what is there and was not taken. */
  readonly notes: readonly string[]
  close(): void
}

/** Opens the checkpoint that is in a folder. The headers of its weights are read and checked; elements are not. */
export function folderCheckpoint(root: string, identity: Identity): OpenCheckpoint {
  const files = listFiles(root, identity.location)
  const opened: RandomAccessFile[] = []
  const used = new Set<string>()
  const close = () => {
    for (const file of opened) file.close()
  }
  try {
    const whole = checkpoint({ root, files, prefix: '', opened, used }, identity)
    return { ...whole, used: () => [...used].sort(), notes: adapterNotes(whole), close }
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
  /** Where to note what something is taken from. */
  readonly used: Set<string>
}

function checkpoint(place: Place, identity: Identity): Checkpoint {
  const { root, prefix, opened, used } = place
  const where = identity.location
  const stored = place.files.filter(file => file.startsWith(prefix)).map(file => file.slice(prefix.length))
  const parsed = new Map<string, Json>()
  /** Reads a file by its place in the folder, once. */
  const parse = (at: string): Json => {
    used.add(prefix + at)
    const value = parsed.get(at) ?? readJson(join(root, prefix, at), at, where)
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
    used.add(prefix + at)
    return join(root, prefix, at)
  }
  const json = (file: string): Json | undefined => (has(file) ? parse(placeOf(file)) : undefined)
  const open = (file: string): WeightsFile => {
    if (file.endsWith('.index.json')) return readShards(json(file) ?? null, file, where, shard => (has(shard) ? open(shard) : undefined))
    const name = prefix + placeOf(file)
    const source = new RandomAccessFile(join(root, name), name, where)
    opened.push(source)
    const { names, tensor } = file.endsWith('.safetensors') ? readSafetensors(source) : readTorch(source)
    // Opening a shard is no use of it: only the names in its header were looked at.
    const taken = (found: string) => {
      const given = tensor(found)
      if (given) used.add(name)
      return given
    }
    return { names, tensor: taken }
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
    sentenceModules: () => sentenceModules({ json, folder, location: where }),
    sentenceSettings: () => sentenceSettings({ json, folder, location: where }),
    tokenLimit: () => tokenLimit({ json }),
    imageProcessor: () => imageProcessor({ json }),
    tensorNames: weights?.names ?? [],
    tensor: name => {
      if (weights) return weights.tensor(name)
      const adapter = files.filter(isAdapter)
      throw adapter.length > 0 ? errors.E_WEIGHTS_ADAPTER({ files: adapter, where }) : errors.E_WEIGHTS_MISSING({ where })
    },
  }
}

/** What an adapter beside the weights would change is not in the model, and transformers would have applied it. */
function adapterNotes({ files, tensorNames }: Checkpoint): readonly string[] {
  const adapters = files.filter(isAdapter)
  if (adapters.length === 0 || tensorNames.length === 0) return []
  return [`${adapters.join(', ')}: the adapter beside the weights was not applied; the weights alone were taken`]
}

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readJson(path: string, file: string, where: string): Json {
  const size = statSync(path).size
  if (size > MAX_JSON_BYTES) throw errors.E_FILE_SIZE({ file, size, limit: MAX_JSON_BYTES, where })
  return parseJson(readFileSync(path), { file, where })
}
