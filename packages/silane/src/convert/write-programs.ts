import { type Checkpoint, FiniteConstants } from '@silane/core'
import type { WrittenProgram } from './build-manifest.ts'
import type { ModelOptions } from './convert-options.ts'
import type { ModelPapers } from './model-papers.ts'
import { packageMetadata } from './package-metadata.ts'
import type { LoadedModel } from './prepare-model.ts'
import type { Settings } from './resolve-settings.ts'
import type { RewrittenProgram } from './rewrite-program.ts'
import { writeOnnxFiles } from './write-onnx-files.ts'
import { writePackages } from './write-packages.ts'

export interface WriteContext {
  readonly settings: Settings
  readonly checkpoint: Checkpoint
  readonly model: LoadedModel
  readonly papers: ModelPapers
  readonly options: Pick<ModelOptions, 'signal' | 'onProgress'>
}

/** Writes every program for every target, one file after the other: weights stream through, nothing is held. */
export async function writePrograms(
  rewritten: readonly RewrittenProgram[],
  folder: string,
  context: WriteContext,
): Promise<WrittenProgram[]> {
  const { settings, checkpoint, model, papers, options } = context
  const { signal, onProgress } = options
  // Of two targets the second need not look at what the first has seen.
  const finite = new FiniteConstants()
  const written: WrittenProgram[] = []
  for (const { plan, targets } of rewritten) {
    const packages = await writePackages(plan, targets.coreml, {
      folder,
      opset: settings.opset,
      maxBytes: settings.maxPackageBytes,
      metadata: packageMetadata(plan, { checkpoint, model, papers }),
      finite,
      signal,
      onProgress,
    })
    const onnx = await writeOnnxFiles(plan, targets.onnx, { folder, precision: settings.onnxPrecision, finite, signal, onProgress })
    written.push({ plan, coreml: targets.coreml, packages, ...onnx })
  }
  return written
}
