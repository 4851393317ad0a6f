import { linkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { byteSize, type Constant } from '@silane/core'
import { type DataPlace, dataKey } from '@silane/onnx'

/** A file that holds the bytes of constants, and where: offsets by `dataKey`. */
export interface DataHolder {
  readonly file: string
  readonly offsets: ReadonlyMap<string, number>
}

/**
 * Finds the bytes of a constant in a file that is there already and gives that file a name in `folder`: a hard link, as
 * onnxruntime refuses symbolic ones and files elsewhere. Gives nothing where the constant stands in no file, or where linking
 * fails: across disks, or on a file of another user.
 */
export function linkConstants(folder: string, data: readonly DataHolder[]): (constant: Constant) => DataPlace | undefined {
  const links = new Map<string, string | undefined>()
  const link = (file: string): string | undefined => {
    if (links.has(file)) return links.get(file)
    let name: string | undefined = `weights_${links.size}`
    try {
      // The hub's cache has symbolic links, and a link to one of those would be one too.
      linkSync(realpathSync(file), join(folder, name))
    } catch {
      name = undefined
    }
    links.set(file, name)
    return name
  }
  return constant => {
    const found = constant.at ?? holding(constant, data)
    // What is mapped is read in place, so an element must not begin in the middle of a word.
    if (!found || found.offset % byteSize(constant.dtype) !== 0) return undefined
    const file = link(found.file)
    return file === undefined ? undefined : { file, offset: found.offset }
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
