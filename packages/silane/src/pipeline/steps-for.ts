import type { CallStep, Step } from '@silane/core'
import type { Manifest } from '../manifest.ts'
import { isDeployed, type ProgramSource } from './open-programs.ts'

/** A program of a deployment, and what it is a part of where it was cut. */
interface Deployed {
  readonly name: string
  readonly partOf?: string
}

/** The steps with the programs that a target has: where it has the whole of what was cut for another, the parts are one again. */
export function stepsFor(steps: readonly Step[], programs: readonly Deployed[], has: (program: string) => boolean): readonly Step[] {
  const wholeOf = (name: string): string => {
    const whole = has(name) ? undefined : programs.find(program => program.name === name)?.partOf
    return whole !== undefined && has(whole) ? whole : name
  }
  const found: Step[] = []
  for (const step of steps) {
    if ('decode' in step) found.push({ ...step, decode: [...new Set(step.decode.map(wholeOf))] as [string, ...string[]] })
    else if ('call' in step) {
      const call = wholeOf(step.call)
      const before = found.at(-1)
      if (call !== step.call && before && 'call' in before && before.call === call) found[found.length - 1] = joined(before, step)
      else found.push({ ...step, call })
    } else found.push(step)
  }
  return found
}

/** The steps of a converted folder with the programs that were written for a target. */
export const deployedSteps = ({ pipeline, programs }: Manifest, from: ProgramSource): readonly Step[] =>
  stepsFor(pipeline.steps, programs, name => programs.some(program => program.name === name && isDeployed(program, from)))

/**
 * Of these steps those that decode, and those that they need: what would only give things that are given already is left out. Rows in
 * the places of ids are made where all that they are made of is given: without them a decoder still reads vectors.
 */
export function stepsToDecode(steps: readonly Step[], given: ReadonlySet<string>): readonly Step[] {
  const kept = new Set<Step>(steps.filter(step => 'decode' in step))
  for (const step of steps) {
    if (!('decode' in step)) continue
    for (const each of makersOf(Object.values(step.feeds), steps, given).kept) kept.add(each)
    const place = typeof step.entry === 'string' ? undefined : step.entry.place
    const rows = place && makersOf([place.rows], steps, given)
    if (rows?.lacking.length === 0) for (const each of rows.kept) kept.add(each)
  }
  return steps.filter(step => kept.has(step))
}

/** Of these steps those that it takes to make some things of what is given. */
export function stepsToMake(steps: readonly Step[], things: readonly string[], given: ReadonlySet<string>): readonly Step[] {
  const { kept } = makersOf(things, steps, given)
  return steps.filter(step => kept.has(step))
}

/** The steps that make things, and what these want that no step makes and nobody gave. */
function makersOf(
  things: readonly string[],
  steps: readonly Step[],
  given: ReadonlySet<string>,
): { readonly kept: ReadonlySet<Step>; readonly lacking: readonly string[] } {
  const needed = new Set(things.filter(thing => !given.has(thing)))
  const kept = new Set<Step>()
  for (const step of steps.toReversed()) {
    const gives = 'gives' in step ? Object.keys(step.gives) : []
    if (!gives.some(thing => needed.has(thing))) continue
    kept.add(step)
    for (const thing of gives) needed.delete(thing)
    for (const thing of Object.values(step.feeds)) if (!given.has(thing)) needed.add(thing)
  }
  return { kept, lacking: [...needed] }
}

/** Two calls as one: what the first hands to the second stays inside. */
function joined(first: CallStep, second: CallStep): CallStep {
  const inner = new Set(Object.entries(first.gives).flatMap(([thing]) => (Object.values(second.feeds).includes(thing) ? [thing] : [])))
  const outside = (entries: Readonly<Record<string, string>>, of: (entry: [string, string]) => string) =>
    Object.fromEntries(Object.entries(entries).filter(entry => !inner.has(of(entry))))
  return {
    call: first.call,
    feeds: { ...first.feeds, ...outside(second.feeds, ([, thing]) => thing) },
    gives: { ...outside(first.gives, ([thing]) => thing), ...second.gives },
  }
}
