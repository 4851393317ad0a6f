import type { Step } from '@silane/core'

/** The things that some of these steps read. */
export const neededThings = (steps: readonly Step[]): ReadonlySet<string> =>
  new Set(
    steps.flatMap(step => {
      const rows = 'decode' in step && typeof step.entry !== 'string' && step.entry.place ? [step.entry.place.rows] : []
      return [...Object.values(step.feeds), ...rows]
    }),
  )
