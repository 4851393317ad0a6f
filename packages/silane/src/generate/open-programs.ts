import { join } from 'node:path'
import type { DType, Session, TensorType } from '@silane/core'
import { type DeployedFunction, type DeployedProgram, type Manifest, packageOf } from '../manifest.ts'
import type { DecoderLink } from './cached-decoder.ts'
import { errors } from './errors.ts'

export type ProgramSource = 'onnx' | 'coreml'

/** The functions of a conversion as sessions, opened when asked for. */
export interface Programs {
  open(program: string, fn: string): Promise<Session>
  /** The decoder's parts in order, each with `prefill` and `step`. */
  links(): Promise<readonly DecoderLink[]>
  close(): Promise<void>
}

/** Opens the ONNX files of a conversion, or its packages read back from disk, in onnxruntime. */
export async function openPrograms(folder: string, manifest: Manifest, from: ProgramSource): Promise<Programs> {
  const { createRuntime } = await import('@silane/runtime')
  const runtime = createRuntime()
  const opened: Session[] = []

  const open = async (name: string, fn: string): Promise<Session> => {
    const program = find(manifest, name, folder)
    const deployed = program.functions.find(candidate => candidate.name === fn)
    if (!deployed) throw errors.E_NOT_A_DECODER({ where: folder })
    const session = from === 'onnx' ? await openOnnx(deployed) : await openPackage(program, deployed)
    opened.push(session)
    return session
  }
  const openOnnx = (fn: DeployedFunction): Promise<Session> => {
    if (!fn.onnx) throw errors.E_NOT_WRITTEN({ target: 'onnx', where: folder })
    return runtime.openFile(join(folder, fn.onnx.path))
  }
  const openPackage = async (program: DeployedProgram, fn: DeployedFunction): Promise<Session> => {
    const at = packageOf(program, fn)
    if (!at) throw errors.E_NOT_WRITTEN({ target: 'coreml', where: folder })
    const { readPackage } = await import('@silane/coreml')
    const read = await readPackage(join(folder, at.path))
    const graph = read.functions.find(candidate => candidate.name === fn.name) ?? read.functions[0]
    if (!graph) throw errors.E_NOT_WRITTEN({ target: 'coreml', where: folder })
    return runtime.open(graph)
  }
  const link = async (name: string): Promise<DecoderLink> => {
    const program = find(manifest, name, folder)
    const typesOf = (fn: string) => {
      const deployed = program.functions.find(candidate => candidate.name === fn)
      if (!deployed) throw errors.E_NOT_A_DECODER({ where: folder })
      const tensors = [...deployed.inputs, ...deployed.states]
      return Object.fromEntries(
        tensors.map(({ name: input, dtype, shape }): [string, TensorType] => [input, { dtype: dtype as DType, shape }]),
      )
    }
    return {
      prefill: await open(name, 'prefill'),
      step: await open(name, 'step'),
      inputs: { prefill: typesOf('prefill'), step: typesOf('step') },
    }
  }
  return {
    open,
    links: async () => {
      // A decoder cut into parts is one again in ONNX.
      const chain = from === 'coreml' && Array.isArray(manifest.pipeline.chain) ? manifest.pipeline.chain.map(String) : ['decoder']
      const links: DecoderLink[] = []
      for (const name of chain) links.push(await link(name))
      return links
    },
    close: async () => {
      for (const session of opened) await session.close()
    },
  }
}

function find(manifest: Manifest, name: string, folder: string): DeployedProgram {
  const program = manifest.programs.find(candidate => candidate.name === name)
  if (!program) throw errors.E_NOT_A_DECODER({ where: folder })
  return program
}
