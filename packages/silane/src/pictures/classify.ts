import { own, readAll } from '@silane/core'
import { errors } from '../errors.ts'
import { readFolderJson } from '../folder-json.ts'
import { readManifest } from '../manifest.ts'
import { givenOutputs } from '../pipeline/borders.ts'
import { openPrograms, type ProgramSource } from '../pipeline/open-programs.ts'
import { runPipeline } from '../pipeline/run-pipeline.ts'
import { deployedSteps } from '../pipeline/steps-for.ts'
import type { ImageRequest } from './image-request.ts'
import { readImage } from './read-image.ts'

export interface ClassifyOptions extends ImageRequest {
  /** How many labels, the most likely first. Default: 5. */
  readonly count?: number | undefined
  /** What runs: the ONNX files, or the Core ML packages read back from disk. Both in onnxruntime. */
  readonly from?: ProgramSource | undefined
}

export interface Classified {
  readonly labels: readonly { readonly label: string; readonly probability: number }[]
  readonly notes: readonly string[]
}

/** What a picture shows, by the labels of the model that a folder was converted from. */
export async function classify(options: ClassifyOptions): Promise<Classified> {
  const { folder, count = 5, from = 'onnx' } = options
  const manifest = readManifest(folder)
  const outputs = givenOutputs(manifest.pipeline.steps, manifest.programs)
  const [output, ...others] = outputs
  // One row of scores is what a classifier gives, and nothing else.
  if (!output || others.length > 0 || output.shape.length !== 2)
    throw errors.E_NO_PICTURES({ verb: 'classify', problem: 'it gives no scores of classes', where: folder })
  const { things, picture } = await readImage(manifest, { ...options, verb: 'classify' })
  const programs = await openPrograms(folder, manifest, from)
  try {
    const made = own(await runPipeline(deployedSteps(manifest, from), programs, things, async () => ({})), output.thing)
    if (!made) throw errors.E_PIPELINE({ problem: `no program gave ${output.name}` })
    const logits = Array.from(readAll(made), Number)
    if (!logits.every(Number.isFinite)) throw errors.E_NOT_FINITE({ what: 'scores of classes', where: folder })
    const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY)
    const exponentials = logits.map(logit => Math.exp(logit - largest))
    const sum = exponentials.reduce((a, b) => a + b, 0)
    const names = readFolderJson(folder, 'config.json')?.id2label
    const labelOf = (id: number): string => {
      const name = typeof names === 'object' && names !== null ? Reflect.get(names, String(id)) : undefined
      return typeof name === 'string' ? name : `LABEL_${id}`
    }
    const ranked = exponentials.map((value, id) => ({ label: labelOf(id), probability: value / sum }))
    return { labels: ranked.sort((a, b) => b.probability - a.probability).slice(0, count), notes: picture.notes }
  } finally {
    await programs.close()
  }
}
