import { statSync } from 'node:fs'
import { join } from 'node:path'
import { folderFile } from '@silane/checkpoint'
import { errors } from './errors.ts'

/** The path of an ONNX file or a package of a converted folder: see `folderFile`. Throws E_PROGRAM_FILE where it is not there. */
export function folderProgram(folder: string, file: string, kind: 'onnx' | 'package'): string {
  if (!statSync(join(folder, file), { throwIfNoEntry: false }))
    throw errors.E_PROGRAM_FILE({ file, problem: 'is not there', where: folder })
  return folderFile(folder, { file, where: folder }, { kind: kind === 'onnx' ? 'file' : 'folder' })
}
