import type { CallStep, Step } from '@silane/core'

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

/** Of these steps those that decode, and those that they need: what would only give things that are given already is left out. */
export function stepsToDecode(steps: readonly Step[], given: ReadonlySet<string>): readonly Step[] {
  const needed = new Set<string>()
  const kept: Step[] = []
  for (const step of steps.toReversed()) {
    if (!('decode' in step) && !Object.keys(step.gives).some(thing => needed.has(thing) && !given.has(thing))) continue
    for (const thing of Object.values(step.feeds)) needed.add(thing)
    kept.push(step)
  }
  return kept.reverse()
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
