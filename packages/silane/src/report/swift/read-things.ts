import type { Step } from '@silane/core'

/** All things that some of these steps read. */
export const readThings = (steps: readonly Step[]): ReadonlySet<string> =>
  new Set(
    steps.flatMap(step => {
      const rows = 'decode' in step && typeof step.entry !== 'string' && step.entry.place ? [step.entry.place.rows] : []
      return [...Object.values(step.feeds), ...rows]
    }),
  )
