import { join } from 'node:path'
import { errors, type FiniteConstants, type Graph } from '@silane/core'
import { type PackageMetadata, type WrittenPackage, writePackage } from '@silane/coreml'
import type { Progress } from './convert-options.ts'
import type { ProgramPlan } from './plan-deployment.ts'

export interface WritePackagesOptions {
  /** The folder that paths are relative to. */
  readonly folder: string
  readonly opset: number
  /** The largest package. Throws E_OPTION for one beyond it. */
  readonly maxBytes: number
  readonly metadata: PackageMetadata
  /** Constants that another file has with finite elements alone. */
  readonly finite: FiniteConstants
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Writes the packages of a program and gives what was written by path. */
export async function writePackages(
  plan: ProgramPlan,
  lowered: ReadonlyMap<string, Graph>,
  options: WritePackagesOptions,
): Promise<ReadonlyMap<string, WrittenPackage>> {
  const { folder, opset, maxBytes, metadata, finite, signal, onProgress } = options
  const written = new Map<string, WrittenPackage>()
  for (const { path, functions } of plan.packages) {
    const graphs = functions.map(name => lowered.get(name)).filter(graph => graph !== undefined)
    const result = await writePackage(
      { name: plan.name, functions: graphs },
      {
        path: join(folder, path),
        opset,
        metadata,
        finite,
        signal,
        onProgress: onProgress && ((bytes, total) => onProgress({ step: `write ${path}`, fraction: bytes / total, bytes, total })),
      },
    )
    // The cut goes by an estimate that is on the safe side; what is asked for holds all the same.
    if (result.bytes > maxBytes) {
      const problem = `${path} takes ${result.bytes} bytes and cannot be cut further`
      throw errors.E_OPTION({ option: '--max-package-size', problem, next: `Raise it to ${result.bytes}.` })
    }
    written.set(path, result)
  }
  return written
}
