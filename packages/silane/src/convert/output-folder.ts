import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { makeFolder, readJsonFile } from '@silane/checkpoint'
import { isRunning, isSilaneError, type Json, systemAnswer, type UnfinishedFolder } from '@silane/core'
import { errors } from '../errors.ts'
import { ownFolder } from '../own-folder.ts'
import { isRecord, textsOf } from '../plugins/find-package.ts'
import { causingAnswer } from '../system-error.ts'
import { filesWithin } from './files-within.ts'
import { firstInside } from './first-inside.ts'

/** What tells a folder of ours, and which files are part of it: a folder that holds others too is never replaced. */
export interface FolderMark {
  readonly file: string
  /** The relative paths that such a file lists; it counts as listed itself. */
  readonly files: (path: string) => readonly string[]
}

/** That of a conversion. What it says is not believed but for the names. */
const CONVERSION: FolderMark = { file: 'silane.json', files: path => textsOf(recordOf(path).files) }

const recordOf = (path: string): { readonly [key: string]: Json } => {
  const json = readJsonFile(path, { file: basename(path), where: dirname(path) })
  return isRecord(json) ? json : {}
}

/** Finder leaves these in every folder that it shows. */
const OF_THE_SYSTEM: ReadonlySet<string> = new Set(['.DS_Store'])

/**
 * A folder that appears whole or not at all. It is filled under another name beside its place and renamed at the end;
 * until then nothing stands in its place, or still the old one.
 */
export interface OutputFolder {
  /** Where to write meanwhile. */
  readonly work: string
  /** Runs what writes there: where the disk answers, the error names the place, E_OUT_WRITE. */
  fill<T>(write: () => T | Promise<T>): Promise<T>
  /** Puts it into its place. What it gives is a note for each older folder that could not be removed; nothing is wrong with the new one. */
  commit(): readonly string[]
  /** Removes what was written. After a commit it does nothing. */
  discard(): void
}

export interface OutputFolderOptions {
  readonly force: boolean
  /** Paths that are never replaced, nor a folder that any of them is in by whatever name. The first is where they belong. */
  readonly keepOut: readonly string[]
  /** What the first of them is; default: the checkpoint. */
  readonly kept?: string
  /** Default: that of a conversion. */
  readonly mark?: FolderMark
}

/** Throws E_OUT_EXISTS, E_OUT_FOREIGN or E_OUT_WRITE before anything is made. */
export function outputFolder(out: string, options: OutputFolderOptions): OutputFolder {
  const place = resolve(out)
  checkPlace(place, options)
  const parent = dirname(place)
  const name = (role: string) => join(parent, `.${basename(place)}.silane-${role}-${host}-${process.pid}`)
  const work = name('new')
  const old = name('old')
  let notes: readonly string[]
  let made: UnfinishedFolder
  try {
    makeFolder(parent)
    notes = removeStale(place)
    made = ownFolder(() => {
      mkdirSync(work)
      return work
    })
  } catch (cause) {
    throw notMade(place, cause)
  }
  return {
    work,
    fill: async write => {
      try {
        return await write()
      } catch (error) {
        throw writeError(place, work, error)
      }
    },
    discard: made.remove,
    commit: () => {
      try {
        // A conversion takes a while: what stands there now need not be what stood there.
        checkPlace(place, options)
        notes = [...notes, ...replace(work, place, old)]
      } catch (error) {
        throw notMade(place, error)
      }
      made.finish()
      return notes
    },
  }
}

/** Two processes never share a name, and a name tells whether its process is still there. */
const host = hostname().replace(/[^A-Za-z0-9]+/g, '_')

/** Nothing that is not there can hold the checkpoint, so a new folder may be anywhere, inside the checkpoint too. */
function checkPlace(place: string, { force, keepOut, kept: source = 'the checkpoint', mark = CONVERSION }: OutputFolderOptions): void {
  const there = statSync(place, { throwIfNoEntry: false })
  if (!there) return
  const kept = there.isDirectory() ? firstInside(place, keepOut) : undefined
  if (kept !== undefined) {
    const what = kept === keepOut[0] ? source : `${kept}, which belongs to ${source}`
    throw errors.E_OUT_FOREIGN({ out: place, reason: `it holds ${what}` })
  }
  if (!force) throw errors.E_OUT_EXISTS({ out: place })
  if (!there.isDirectory()) throw errors.E_OUT_FOREIGN({ out: place, reason: 'it is a file' })
  const foreign = firstForeign(place, mark)
  if (foreign !== undefined) throw errors.E_OUT_FOREIGN({ out: place, reason: foreign })
}

/** Why a folder is more than what was written there; undefined where nothing would be lost. */
function firstForeign(place: string, mark: FolderMark): string | undefined {
  const there = filesWithin(place).filter(file => !OF_THE_SYSTEM.has(basename(file)))
  if (there.length === 0) return undefined
  if (!there.includes(mark.file)) return `it is not empty and has no ${mark.file}, so silane did not write it`
  let listed: ReadonlySet<string>
  try {
    listed = new Set([mark.file, ...mark.files(join(place, mark.file))])
  } catch (error) {
    if (!isSilaneError(error)) throw error
    return `its ${mark.file} cannot be read, so nothing tells what silane wrote there`
  }
  const other = there.find(file => !listed.has(file))
  return other && `it holds ${other}, which ${mark.file} does not list`
}

/** The folder that a killed replacement left beside an empty place; undefined where something stands there, or nothing was left. */
export function keptFolder(out: string): string | undefined {
  const place = resolve(out)
  if (existsSync(place) || !existsSync(dirname(place))) return undefined
  const start = `.${basename(place)}.silane-old-`
  const kept = readdirSync(dirname(place)).find(name => name.startsWith(start))
  return kept && join(dirname(place), kept)
}

/**
 * A folder cannot be renamed over another, so the old one steps aside, and comes back if the new one cannot take its place. Gives a note
 * where the old one could not be removed.
 */
function replace(work: string, place: string, old: string): readonly string[] {
  if (!existsSync(place)) {
    renameSync(work, place)
    return []
  }
  renameSync(place, old)
  try {
    renameSync(work, place)
  } catch (error) {
    renameSync(old, place)
    throw error
  }
  return removed(place, old)
}

/**
 * Removes a folder beside its place, under a name of its own: where that fails or is killed a part is left, which is no conversion to
 * anybody. Gives a note where something is left, which is no fault of what is in the place.
 */
function removed(place: string, folder: string): readonly string[] {
  // One that stays is in nobody's way.
  const gone = join(dirname(place), `.${basename(place)}.silane-gone-${host}-${process.pid}-${randomUUID().slice(0, 8)}`)
  try {
    renameSync(folder, gone)
    rmSync(gone, { recursive: true, force: true })
    return []
  } catch (error) {
    const answer = systemAnswer(error)
    if (!answer) throw error
    // Two processes may remove the same one.
    const left = [gone, folder].find(path => existsSync(path))
    return left === undefined ? [] : [`${left} is left of an older folder and can be deleted: it could not be removed, ${answer.problem}.`]
  }
}

/**
 * Removes what processes left behind that were killed while they wrote this same folder on this machine. One of this process's own
 * number was written by an earlier process, or stayed when it was removed. Gives a note for each that cannot be removed.
 */
function removeStale(place: string): readonly string[] {
  const parent = dirname(place)
  const pattern = new RegExp(`^\\.${literally(basename(place))}\\.silane-(new|old|gone)-${host}-(\\d+)(?:-\\w+)?$`)
  return readdirSync(parent).flatMap(name => {
    const [, role, pid] = pattern.exec(name) ?? []
    if (role === undefined || (Number(pid) !== process.pid && isRunning(Number(pid)))) return []
    const stale = join(parent, name)
    // Killed between the two renames: the old folder is the only one left, so it is put back.
    if (role !== 'old' || existsSync(place)) return removed(place, stale)
    renameSync(stale, place)
    return []
  })
}

const literally = (text: string): string => text.replace(/[\\^$.*|?+()[\]{}-]/g, '\\$&')

/** Whatever the system says while the folder is made or put into its place is about that place. */
function notMade(place: string, error: unknown): unknown {
  const answer = isSilaneError(error) ? undefined : systemAnswer(error)
  return answer ? errors.E_OUT_WRITE({ out: place, problem: answer.problem, next: answer.next }, { cause: error }) : error
}

/** Answers that only a call which writes gets. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS'])

/** Calls on a file that is open, for which the system names no path. */
const WRITES = /^(?:write|f?sync|fdatasync|ftruncate|close)$/

/** An answer of the disk under `place` as an error about it, a writer's own error about it too; any other error as it is. */
function writeError(place: string, work: string, error: unknown): unknown {
  const answer = causingAnswer(error)
  if (answer === undefined) return error
  const { code, syscall, paths, problem, next } = answer
  const ours = NO_ROOM.has(code) || (paths.length === 0 ? WRITES.test(syscall) : paths.some(path => !relative(work, path).startsWith('..')))
  return ours ? errors.E_OUT_WRITE({ out: place, problem, next }, { cause: error }) : error
}
