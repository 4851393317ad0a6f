import { own, type Step } from '@silane/core'
import type { DeployedOutput, DeployedTensor } from '../manifest.ts'

/** A program as far as its border goes. */
interface Bordered {
  readonly name: string
  readonly functions: readonly { readonly inputs: readonly DeployedTensor[]; readonly outputs: readonly DeployedOutput[] }[]
}

/** An input or output, and the thing that it is fed with or gives. */
export type Bound<T> = T & { readonly thing: string }

/** What calls want from outside: no step before gives it. */
export function wantedInputs(steps: readonly Step[], programs: readonly Bordered[]): readonly Bound<DeployedTensor>[] {
  const made = new Set(steps.flatMap(step => ('gives' in step ? Object.keys(step.gives) : [])))
  const firsts = byName(programs)
  return steps.flatMap(step => {
    if (!('call' in step)) return []
    const inputs = firsts.get(step.call)?.functions[0]?.inputs ?? []
    return inputs.map(input => ({ ...input, thing: own(step.feeds, input.name) ?? input.name })).filter(({ thing }) => !made.has(thing))
  })
}

/** What calls give. */
export function givenOutputs(steps: readonly Step[], programs: readonly Bordered[]): readonly Bound<DeployedOutput>[] {
  const firsts = byName(programs)
  return steps.flatMap(step => {
    if (!('call' in step)) return []
    const outputs = byName(firsts.get(step.call)?.functions[0]?.outputs ?? [])
    return Object.entries(step.gives).flatMap(([thing, name]) => {
      const output = outputs.get(name)
      return output ? [{ ...output, thing }] : []
    })
  })
}

/** The first of each name: there may be thousands, and as many that ask for them. */
const byName = <T extends { readonly name: string }>(named: readonly T[]): ReadonlyMap<string, T> =>
  new Map(named.toReversed().map(each => [each.name, each]))
