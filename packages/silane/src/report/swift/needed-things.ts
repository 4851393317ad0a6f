import type { Step } from '@silane/core'
import { readThings } from './read-things.ts'

/** The things that steps read and that none of them has given before. */
export function neededThings(steps: readonly Step[]): ReadonlySet<string> {
  const made = new Set<string>()
  return new Set(
    steps.flatMap(step => {
      const read = [...readThings([step])].filter(thing => !made.has(thing))
      if ('gives' in step) for (const thing of Object.keys(step.gives)) made.add(thing)
      return read
    }),
  )
}
