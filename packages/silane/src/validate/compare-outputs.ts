import { type Comparison, type Constant, own, readAll, type Tensors } from '@silane/core'
import { type Compared, compareChoices, compareSamples, type Difference, EQUAL } from '@silane/runtime'
import type { DeployedOutput } from '../manifest.ts'
import type { StageSample } from './choose-samples.ts'

export interface ComparedRuns {
  readonly actual: readonly (Tensors | undefined)[]
  /** Undefined where there is nothing to compare a sample with. */
  readonly expected: readonly (Tensors | undefined)[]
  readonly samples: readonly StageSample[]
  /** Output → the mask that tells its valid rows. */
  readonly valid: Readonly<Record<string, string>>
  /** What is known of the outputs. */
  readonly outputs: readonly DeployedOutput[]
}

export type ComparisonLabel = Pick<Comparison, 'program' | 'function' | 'line' | 'actual' | 'expected' | 'gate'>

/** Compares two runs output by output, all samples of an output together. */
export function compareOutputs(label: ComparisonLabel, runs: ComparedRuns): Comparison[] {
  const outputs = new Set(runs.expected.flatMap(expected => Object.keys(expected ?? {})))
  return [...outputs].map(output => {
    const difference = compareOutput(output, runs)
    return {
      ...label,
      output,
      ...difference,
      ok: label.gate === undefined ? difference.problem === undefined : difference.psnr >= label.gate,
    }
  })
}

function compareOutput(output: string, { actual, expected, samples, valid, outputs }: ComparedRuns): Difference {
  // One run that stands for both, whatever came out of it.
  if (actual === expected) return EQUAL
  const { best, follows = '' } = outputs.find(({ name }) => name === output) ?? {}
  const pairs: Compared[] = []
  const scores: Constant[] = []
  for (const [i, tensors] of expected.entries()) {
    const reference = own(tensors, output)
    if (!tensors || !reference) continue
    const found = own(actual[i], output)
    if (!found) return incomparable('it is not there')
    if (found.shape.join() !== reference.shape.join()) return incomparable(`its shape is [${found.shape}] instead of [${reference.shape}]`)
    const [index, foundIndex] = [own(tensors, follows), own(actual[i], follows)]
    if (index && foundIndex && !equalElements(index, foundIndex)) continue
    const table = best && own(tensors, best.of)
    if (table) scores.push(table)
    pairs.push({ reference, actual: found, mask: maskOf(samples[i]?.inputs ?? {}, own(valid, output)) })
  }
  if (best && pairs.length > 0 && scores.length === pairs.length)
    return compareChoices(
      pairs.map(({ actual }, i) => ({ index: actual, scores: scores[i] as Constant })),
      best.axis,
    )
  return compareSamples(pairs)
}

const maskOf = (inputs: Tensors, name: string | undefined): Constant | undefined => (name === undefined ? undefined : own(inputs, name))

const equalElements = (a: Constant, b: Constant): boolean => readAll(a).join() === readAll(b).join()

const incomparable = (problem: string): Difference => ({
  psnr: Number.NEGATIVE_INFINITY,
  maxAbs: Number.POSITIVE_INFINITY,
  cosine: 0,
  worst: Number.NEGATIVE_INFINITY,
  problem,
})
