import { join } from 'node:path'
import type { Graph } from '@silane/core'
import { type WrittenPackage, writePackage } from '@silane/coreml'
import { versions } from '../versions.ts'
import type { Progress } from './convert-options.ts'
import type { ProgramPlan } from './plan-deployment.ts'

export interface WritePackagesOptions {
  /** The folder that paths are relative to. */
  readonly folder: string
  readonly opset: number
  readonly description: string
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Writes the packages of a program and gives what was written by path. */
export async function writePackages(
  plan: ProgramPlan,
  lowered: ReadonlyMap<string, Graph>,
  options: WritePackagesOptions,
): Promise<ReadonlyMap<string, WrittenPackage>> {
  const { folder, opset, description, signal, onProgress } = options
  const written = new Map<string, WrittenPackage>()
  for (const { path, functions } of plan.packages) {
    const graphs = functions.map(name => lowered.get(name)).filter(graph => graph !== undefined)
    const result = await writePackage(
      { name: plan.name, functions: graphs },
      {
        path: join(folder, path),
        opset,
        metadata: { shortDescription: description, userDefined: { 'silane.version': versions.silane } },
        signal,
        onProgress: onProgress && ((bytes, total) => onProgress({ step: `write ${path}`, fraction: bytes / total })),
      },
    )
    written.set(path, result)
  }
  return written
}
