import type { Step } from '@silane/core'
import type { DeployedOutput, DeployedTensor, Manifest } from '../../manifest.ts'
import { type Bound, givenOutputs, wantedInputs } from '../../pipeline/borders.ts'
import { deployedSteps } from '../../pipeline/steps-for.ts'
import { type Callable, callables } from './callable.ts'

/** A pipeline as Swift sees it: steps over packages. */
export interface PipelineView {
  readonly steps: readonly Step[]
  /** What the steps want from outside, each thing once. */
  readonly wanted: readonly Bound<DeployedTensor>[]
  readonly given: readonly Bound<DeployedOutput>[]
  /** Everything that has a struct. */
  readonly owned: readonly Callable[]
  /** The functions of a program that have structs; none where it has no package. */
  functions(program: string): readonly Callable[]
}

/** The pipeline of a folder by its packages; undefined where a step is not a package's. */
export function pipelineView(manifest: Manifest): PipelineView | undefined {
  const { programs } = manifest
  const steps = deployedSteps(manifest, 'coreml')
  const all = new Map(programs.map(program => [program.name, callables(program)]))
  const functions = (program: string) => all.get(program) ?? []
  const called = steps.flatMap(step => {
    if ('call' in step) return [step.call]
    if ('decode' in step) return [...step.decode, ...(typeof step.entry === 'string' ? [] : [step.entry.embed])]
    return []
  })
  if (steps.some(step => 'host' in step) || called.some(name => functions(name).length === 0)) return undefined
  const wanted = wantedInputs(steps, programs).filter(({ thing }, i, inputs) => inputs.findIndex(other => other.thing === thing) === i)
  return { steps, wanted, given: givenOutputs(steps, programs), owned: [...all.values()].flat(), functions }
}
