import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Json, systemAnswer } from '@silane/core'
import { chooseWeights } from '../choose-weights.ts'
import { shardNames } from '../counted-shards.ts'
import { errors } from '../errors.ts'
import type { Identity } from '../folder-checkpoint.ts'
import { folderFile } from '../folder-file.ts'
import { inside } from '../inside.ts'
import { isAdapter } from '../is-adapter.ts'
import { listFiles } from '../list-files.ts'
import { makeFolder } from '../make-folder.ts'
import { modelFiles } from '../model-files.ts'
import type { OpenOptions } from '../open-checkpoint.ts'
import { readJsonFile } from '../read-json-file.ts'
import { weightMap } from '../read-shards.ts'
import { downloadFile } from './download-file.ts'
import { type HubAddress, hubAddress } from './hub-address.ts'
import { HubCache } from './hub-cache.ts'
import { HubClient, type HubFile } from './hub-client.ts'
import { type HubSettings, hubSettings } from './hub-settings.ts'
import { inOrder } from './in-order.ts'
import { isModuleFolder, isTokenizerFolder, neededFiles } from './needed-files.ts'
import { readRange } from './read-range.ts'
import { RemoteFile } from './remote-file.ts'
import { bringHeaders } from './remote-header.ts'
import { Unreachable } from './unreachable.ts'

/** A folder that holds one commit of a model. */
export interface HubSnapshot {
  readonly folder: string
  /** Which folder of the repository that is; undefined for its top. */
  readonly subfolder: string | undefined
  readonly identity: Identity
  /** Weights of which the folder has nothing and the headers are at hand, by their names in it. */
  readonly remote: ReadonlyMap<string, RemoteFile>
}

/** Brings what a conversion needs of a model into the cache. Without a network, what is there already has to be enough. */
export async function hubSnapshot(model: string, options: OpenOptions): Promise<HubSnapshot> {
  const address = hubAddress(model, options)
  const settings = hubSettings(options)
  try {
    return await snapshotIn(settings, address, options)
  } catch (error) {
    // Nothing but the cache is read or written here.
    const answer = systemAnswer(error)
    if (!answer) throw error
    throw errors.E_HUB_CACHE({ folder: settings.cacheDir, problem: answer.problem, next: answer.next }, { cause: error })
  }
}

async function snapshotIn(settings: HubSettings, address: HubAddress, options: OpenOptions): Promise<HubSnapshot> {
  const { name, revision, subfolder } = address
  const cache = new HubCache(settings.cacheDir, name)
  const location = `${name}@${revision}${subfolder === undefined ? '' : `/${subfolder}`}`
  const folderOf = (commit: string): string => join(cache.snapshot(commit), subfolder ?? '')
  const opened = (commit: string, remote: HubSnapshot['remote'] = new Map()): HubSnapshot => ({
    folder: folderOf(commit),
    subfolder,
    identity: { location, id: name, revision: commit },
    remote,
  })
  const cached = isCommit(revision) ? revision : cache.commit(revision)
  const missing = cached === undefined ? ['all files'] : missingFiles(folderOf(cached), location, cache.lacks(cached, configOf(subfolder)))
  // A commit never changes: with all of it at hand there is nothing to ask.
  if (cached !== undefined && missing.length === 0 && (isCommit(revision) || settings.offline)) return opened(cached)
  const incomplete = (reason: string, cause?: unknown) =>
    errors.E_HUB_OFFLINE({ name, revision, missing, reason, where: settings.cacheDir }, { cause })
  if (settings.offline) throw incomplete(settings.offline)

  const client = new HubClient(settings, name, revision, options)
  try {
    const commit = await client.commit()
    const remote = await downloadSnapshot(client, cache, { commit, subfolder, where: location }, options)
    // Without its weights a commit is not what an earlier one may be here: enough for a run without a network.
    if (remote.size === 0) cache.remember(revision, commit)
    return opened(commit, remote)
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    if (cached !== undefined && missing.length === 0) return opened(cached)
    throw incomplete(`the hub cannot be reached (${error.message})`, error)
  }
}

const configOf = (subfolder: string | undefined): string => (subfolder === undefined ? 'config.json' : `${subfolder}/config.json`)

const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision)

/** Folders of one model that are looked into. Of sentence-transformers those with most modules have 10. */
const MAX_FOLDERS = 100

/** Files that are downloaded, and folders that are listed, at the same time. More gain little and are no better than one where the line is slow. */
const AT_ONCE = 4

interface Wanted {
  readonly commit: string
  readonly subfolder: string | undefined
  /** The model, for messages. */
  readonly where: string
}

async function downloadSnapshot(
  client: HubClient,
  cache: HubCache,
  { commit, subfolder, where }: Wanted,
  options: OpenOptions,
): Promise<HubSnapshot['remote']> {
  const base = subfolder === undefined ? '' : `${subfolder}/`
  const [snapshot, place] = [cache.snapshot(commit), join(cache.snapshot(commit), base)]
  const remote = new Map<string, RemoteFile>()
  const root = await client.list(commit, subfolder)
  const own = (path: string): string => path.slice(base.length)
  const config = configOf(subfolder)
  if (!root.files.some(({ path }) => path === config)) cache.noteLack(commit, config)
  const modules = root.files.some(file => own(file.path) === 'modules.json') ? root.folders.filter(path => isModuleFolder(own(path))) : []
  const folders = [...modules, ...root.folders.filter(path => isTokenizerFolder(own(path)))]
  if (folders.length > MAX_FOLDERS) throw client.wrong(`${where} has ${folders.length} folders of modules and tokenizers`)
  const listed = new Map<string, readonly HubFile[]>()
  await inOrder(folders, {
    atOnce: AT_ONCE,
    work: async folder => void listed.set(folder, (await client.list(commit, folder)).files),
    follow: async () => {},
  })
  // Folders first: the weights of the model itself, which take longest, end the download.
  for (const [i, files] of [...folders.map(folder => listed.get(folder) ?? []), root.files].entries()) {
    const prefix = i < folders.length ? `${folders[i]}/` : base
    const byName = new Map(files.map(file => [file.path.slice(prefix.length), file]))
    const fetchAll = async (names: readonly string[]) => {
      const lacking = names.flatMap(name => byName.get(name) ?? []).filter(file => !existsSync(join(snapshot, file.path)))
      if (options.headers) refuseLarge(lacking, where)
      const whole = lacking.filter(file => !options.headers || !isReadInParts(file.path.slice(prefix.length)))
      for (const file of lacking) {
        if (whole.includes(file)) continue
        const fetch = (start: number, end: number) => readRange(client, commit, file, { start, end, signal: options.signal })
        remote.set(own(file.path), new RemoteFile({ name: file.path, where, size: file.size, fetch }))
      }
      await downloadAll(client, cache, commit, whole, options)
    }
    const needed = neededFiles([...byName.keys()], where)
    await fetchAll(needed)
    const index = needed.at(-1)
    if (index?.endsWith('.index.json')) await fetchAll(shardsOf(join(snapshot, prefix), index, where))
  }
  // A model may consist of its weights alone.
  if (remote.size > 0) makeFolder(place)
  await bringHeaders([...remote.values()])
  return remote
}

/** Several at a time; into the snapshot they come in their order, so that what has the last one has all. */
async function downloadAll(
  client: HubClient,
  cache: HubCache,
  commit: string,
  files: readonly HubFile[],
  options: OpenOptions,
): Promise<void> {
  const contents = new Map<string, Promise<void>>()
  await inOrder(files, {
    atOnce: AT_ONCE,
    work: (file, stop) => {
      const signal = options.signal ? AbortSignal.any([options.signal, stop]) : stop
      // Two files of one content have one place in the cache, and are written by one.
      const content = contents.get(file.oid) ?? downloadFile(client, commit, file, cache.blob(file), { ...options, signal })
      contents.set(file.oid, content)
      return content
    },
    follow: file => cache.link(commit, file),
  })
}

/** Weights that begin with a header. Of an adapter, which is small, the elements are looked at. */
const isReadInParts = (file: string): boolean => file.endsWith('.safetensors') && !isAdapter(file)

/** Bytes of PyTorch files that are downloaded without being asked for: a module's weights, a model for tests. */
const SMALL = 64e6

/** Refuses to download what cannot be read in parts, where that is much. Throws E_WEIGHTS_WHOLE. */
function refuseLarge(files: readonly HubFile[], where: string): void {
  const whole = files.filter(({ path }) => /\.(?:bin|pth|pt|ckpt)$/.test(path))
  const size = whole.reduce((sum, file) => sum + file.size, 0)
  const [first] = whole
  if (first && size > SMALL) {
    const file = whole.length === 1 ? first.path : `${first.path} and ${whole.length - 1} more`
    throw errors.E_WEIGHTS_WHOLE({ file, size, where })
  }
}

/** The shards that an index names; none where it is broken, which is said when it is opened. */
function shardsOf(folder: string, index: string, where: string): string[] {
  return [...new Set(weightMap(readJson(folder, index, where))?.values())].filter(inside)
}

const readJson = (folder: string, file: string, where: string): Json => readJsonFile(folderFile(folder, { file, where }), { file, where })

/**
 * What a snapshot lacks for a conversion, as far as that can be told without the hub. Without its config.json a model would be taken for
 * one of default sizes; `plain` says that it has none.
 */
function missingFiles(snapshot: string, where: string, plain: boolean): string[] {
  if (!statSync(snapshot, { throwIfNoEntry: false })?.isDirectory()) return ['all files']
  const files = listFiles(snapshot, where)
  const modules = files.includes('modules.json') ? readJson(snapshot, 'modules.json', where) : undefined
  const places = modelFiles(files, modules)
  const config = plain || places.has('config.json') ? [] : ['config.json']
  return [...config, ...missingWeights(snapshot, places, where)]
}

function missingWeights(snapshot: string, places: ReadonlyMap<string, string>, where: string): string[] {
  const weights = chooseWeights([...places.keys()], where)
  const at = weights === undefined ? undefined : places.get(weights)
  if (weights === undefined || at === undefined) return ['the weights']
  const counted = shardNames(weights, where)
  if (counted) return counted.filter(shard => !places.has(shard))
  return weights.endsWith('.index.json') ? shardsOf(snapshot, at, where).filter(shard => !places.has(shard)) : []
}
