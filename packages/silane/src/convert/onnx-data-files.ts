import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ONNX_DATA, ONNX_FOLDER } from './plan-deployment.ts'

/** The files of a converted folder that hold weights of its ONNX files, by their paths in it. A small model's stand in the files themselves. */
export function onnxDataFiles(folder: string): readonly { readonly path: string; readonly bytes: number }[] {
  const place = join(folder, ONNX_FOLDER)
  if (!existsSync(place)) return []
  return readdirSync(place)
    .filter(name => name.endsWith(ONNX_DATA))
    .sort()
    .map(name => ({ path: `${ONNX_FOLDER}/${name}`, bytes: statSync(join(place, name)).size }))
}
