import { type Constant, chunks } from '@silane/core'

/** Whether two constants of one type and shape hold the same elements. Reads both up to the first chunk that differs. */
export function sameElements(a: Constant, b: Constant): boolean {
  if (a.id === b.id) return true
  const others = chunks(b)
  for (const chunk of chunks(a)) {
    const other = others.next().value
    if (!chunk.every((element: number | bigint, i: number) => element === other?.[i])) return false
  }
  return true
}
