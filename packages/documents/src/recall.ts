import type { DocumentIndex } from './document-index.ts'

/** Of what exact search finds for these questions the share that the bits find as well. */
export function recall(index: DocumentIndex, questions: readonly Float32Array[], count = 10): number {
  let [found, all] = [0, 0]
  for (const question of questions) {
    const quick = new Set(index.search(question, { count, method: 'bits' }).map(({ id }) => id))
    const exact = index.search(question, { count })
    all += exact.length
    found += exact.filter(({ id }) => quick.has(id)).length
  }
  return all === 0 ? 1 : found / all
}
