/** What is done for several things at once. */
export interface InOrder<T> {
  /** How many of them at a time. */
  readonly atOnce: number
  readonly work: (item: T, signal: AbortSignal) => Promise<void>
  /** Follows for each that is done, one after the other, in the order of the items. */
  readonly follow: (item: T) => Promise<void>
}

/**
 * Does something for every item, several at a time. Where one fails, those after it are stopped, and nothing follows for them; those before
 * it go on to their end. So what is thrown is what the first in order fails with, however fast the others are.
 */
export async function inOrder<T>(items: readonly T[], { atOnce, work, follow }: InOrder<T>): Promise<void> {
  const stops = items.map(() => new AbortController())
  const done = new Set<number>()
  let [next, followed, failed] = [0, 0, items.length]
  let error: unknown
  let chain = Promise.resolve()
  const goOn = (): Promise<void> => {
    chain = chain.then(async () => {
      for (; done.has(followed) && followed < failed; followed++) await follow(items[followed] as T)
    })
    return chain
  }
  const fail = (index: number, cause: unknown) => {
    if (index >= failed) return
    failed = index
    error = cause
    for (const stop of stops.slice(index + 1)) stop.abort()
  }
  const worker = async () => {
    while (next < failed) {
      const index = next++
      try {
        await work(items[index] as T, (stops[index] as AbortController).signal)
        done.add(index)
        await goOn()
      } catch (cause) {
        fail(index, cause)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  if (failed < items.length) throw error
}
