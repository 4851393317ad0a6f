import { linkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { byteSize, type Constant } from '@silane/core'
import { type DataPlace, dataKey } from '@silane/onnx'

/** A file that holds the bytes of constants, and where: offsets by `dataKey`. */
export interface DataHolder {
  readonly file: string
  readonly offsets: ReadonlyMap<string, number>
}

/** Constants that stand in files, under names that a model can have for these. */
export interface PlacedConstants {
  /** Nothing where a constant stands in no file, or in one that cannot have a name. */
  readonly place: (constant: Constant) => DataPlace | undefined
  /** The files by their names, as far as they have been asked for. */
  readonly files: ReadonlyMap<string, string>
}

/** Finds the bytes of constants in files that are there already. `give` gives a file a name; false where it cannot. */
export function placeConstants(data: readonly DataHolder[], give: (file: string, name: string) => boolean): PlacedConstants {
  const names = new Map<string, string | undefined>()
  const files = new Map<string, string>()
  const nameOf = (file: string): string | undefined => {
    if (names.has(file)) return names.get(file)
    const name = `weights_${names.size}`
    const given = give(file, name)
    names.set(file, given ? name : undefined)
    if (given) files.set(name, file)
    return names.get(file)
  }
  const place = (constant: Constant): DataPlace | undefined => {
    const found = constant.at ?? holding(constant, data)
    // What is mapped is read in place, so an element must not begin in the middle of a word.
    if (!found || found.offset % byteSize(constant.dtype) !== 0) return undefined
    const name = nameOf(found.file)
    return name === undefined ? undefined : { file: name, offset: found.offset }
  }
  return { place, files }
}

/**
 * A hard link in `folder`, as onnxruntime-node refuses symbolic ones and files elsewhere. It fails across disks, or on a file of
 * another user.
 */
export const linkInto =
  (folder: string) =>
  (file: string, name: string): boolean => {
    try {
      // The hub's cache has symbolic links, and a link to one of those would be one too.
      linkSync(realpathSync(file), join(folder, name))
      return true
    } catch {
      return false
    }
  }

function holding(constant: Constant, data: readonly DataHolder[]): DataPlace | undefined {
  const key = dataKey(constant)
  for (const { file, offsets } of data) {
    const offset = offsets.get(key)
    if (offset !== undefined) return { file, offset }
  }
  return undefined
}
