import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Session, Tensors } from '@silane/core'
import { errors } from '../errors.ts'
import { folderProgram } from '../folder-program.ts'
import { checkFed, type DeployedFunction, type DeployedProgram, type Manifest, packageOf } from '../manifest.ts'
import { picturePixels } from './picture-pixels.ts'
import type { PipelinePrograms } from './pipeline-programs.ts'

export type ProgramSource = 'onnx' | 'coreml'

/** The programs of a conversion, whose sessions are opened when they are called. */
export interface OpenPrograms extends PipelinePrograms {
  close(): Promise<void>
}

/**
 * The ONNX files of a conversion, or its packages read back from disk, in onnxruntime. Throws E_NOT_WRITTEN where there are none of this
 * kind; a program that is called throws E_PROGRAM_FILE where its file is not what was written.
 */
export async function openPrograms(folder: string, manifest: Manifest, from: ProgramSource): Promise<OpenPrograms> {
  if (!manifest.programs.some(program => isDeployed(program, from))) throw errors.E_NOT_WRITTEN({ target: from, where: folder })
  checkFed(manifest, folder)
  const { createRuntime } = await import('@silane/runtime')
  const runtime = createRuntime({ foreign: true })
  const opened = new Map<DeployedFunction, Promise<Session>>()

  const open = async (program: DeployedProgram, fn: DeployedFunction): Promise<Session | undefined> => {
    if (from === 'onnx') {
      const { onnx } = fn
      if (!onnx) return undefined
      const path = folderProgram(folder, onnx.path, 'onnx')
      return runtime.openFile(path).catch(cause => Promise.reject(changed(folder, onnx, cause) ?? cause))
    }
    const at = packageOf(program, fn)
    if (!at) return undefined
    const { readPackage } = await import('@silane/coreml')
    const { functions } = await readPackage(folderProgram(folder, at.path, 'package'))
    const graph = functions.find(candidate => candidate.name === fn.name) ?? functions[0]
    return graph && runtime.open(graph)
  }
  const session = async (program: DeployedProgram, fn: DeployedFunction): Promise<Session> => {
    const known = await opened.get(fn)
    const found = known ?? (await open(program, fn))
    if (!found) throw new TypeError(`${program.name}/${fn.name} is not deployed for ${from}`)
    opened.set(fn, Promise.resolve(found))
    return found
  }
  /** A package that takes a picture takes its pixels, 0 to 255. */
  const fed = (fn: DeployedFunction, feeds: Tensors): Tensors =>
    Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => {
        const image = from === 'coreml' ? fn.inputs.find(input => input.name === name)?.image : undefined
        return [name, image?.picture ? picturePixels(tensor, image) : tensor]
      }),
    )
  return {
    functions: name => {
      const program = manifest.programs.find(candidate => candidate.name === name)
      if (!program || !isDeployed(program, from)) return []
      return program.functions.map(fn => ({ ...fn, run: async feeds => (await session(program, fn)).run(fed(fn, feeds)) }))
    },
    // What has been opened is small beside what a user waits for when it is opened again.
    release: async () => {},
    close: async () => {
      for (const each of opened.values()) await (await each).close()
      opened.clear()
    },
  }
}

/** Whether a program was written for a target. */
export const isDeployed = (program: DeployedProgram, target: ProgramSource): boolean =>
  program.functions.every(fn => (target === 'onnx' ? fn.onnx !== undefined : packageOf(program, fn) !== undefined))

/** Why a file cannot be opened, if that is no fault of what wrote it: it was lost, cut off or replaced since. */
function changed(folder: string, { path: file, bytes }: { readonly path: string; readonly bytes: number }, cause: unknown) {
  const found = statSync(join(folder, file), { throwIfNoEntry: false })
  const problem = !found?.isFile()
    ? 'is not there'
    : found.size === bytes
      ? undefined
      : `has ${found.size} bytes, and ${bytes} were written`
  return problem && errors.E_PROGRAM_FILE({ file, problem, where: folder }, { cause })
}
