import { arrayConstant, type Constant, sizeOf } from '@silane/core'
import { type FolderFile, type FolderFileOptions, folderFile } from './folder-file.ts'
import { RandomAccessFile } from './random-access-file.ts'
import { readSafetensors } from './read-safetensors.ts'

/**
 * The tensors of a safetensors file of a folder, all of them in memory: by the rules that weights are read by, and the file is closed
 * after. Throws what `folderFile` throws, and E_SAFETENSORS_….
 */
export function readTensors(root: string, { file, where }: FolderFile, options: FolderFileOptions): ReadonlyMap<string, Constant> {
  const source = new RandomAccessFile(folderFile(root, { file, where }, options), file, where)
  try {
    const { names, tensor } = readSafetensors(source)
    return new Map(
      names.flatMap(name => {
        const stored = tensor(name)
        return stored ? [[name, arrayConstant(stored.dtype, stored.shape, stored.read(0, sizeOf(stored.shape)))]] : []
      }),
    )
  } finally {
    source.close()
  }
}
