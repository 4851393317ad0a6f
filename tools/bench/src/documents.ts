// How fast an index of documents is built and searched: `node tools/bench/src/documents.ts [COUNT] [DIMENSION]`.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIndex, recall } from '../../../packages/documents/src/index.ts'

const [count = 100_000, dimension = 768] = process.argv.slice(2).map(Number)
/** Vectors of passages come in clusters: of texts about one thing. */
const CLUSTERS = 200
const BATCH = 512
const QUESTIONS = 50

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5
  }
}

const next = generator(1)
const centers = Array.from({ length: CLUSTERS }, () => Float32Array.from({ length: dimension }, next))
const vector = (): Float32Array => {
  const center = centers[Math.floor((next() + 0.5) * CLUSTERS)] as Float32Array
  return center.map(value => value + 0.8 * next())
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const folder = mkdtempSync(join(tmpdir(), 'silane-bench-'))
try {
  for (const metric of ['cosine', 'dot'] as const) {
    const file = join(folder, `${metric}.sqlite`)
    const index = createIndex(file, { documentModel: 'm', questionModel: 'm', dimension, metric, chunking: null, versions: {} })
    let seconds = 0
    for (let start = 0; start < count; start += BATCH) {
      const documents = Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => ({
        id: `d${start + i}`,
        text: `text ${start + i}`,
        vector: vector(),
      }))
      const began = performance.now()
      index.add(documents)
      seconds += (performance.now() - began) / 1000
    }
    index.finish()
    const questions = Array.from({ length: QUESTIONS }, vector)
    const time = (method: 'exact' | 'bits') =>
      median(
        questions.map(question => {
          const began = performance.now()
          index.search(question, { count: 10, method })
          return performance.now() - began
        }),
      )
    const [exact, bits] = [time('exact'), time('bits')]
    const peak = process.resourceUsage().maxRSS / 1024
    console.log(
      `${metric}: ${count} vectors of ${dimension}: ${(count / seconds).toFixed(0)} added/s, ${(statSync(file).size / 1e6).toFixed(0)} MB; ` +
        `exact ${exact.toFixed(1)} ms, bits ${bits.toFixed(1)} ms, recall@10 ${recall(index, questions).toFixed(3)}; peak ${peak.toFixed(0)} MB`,
    )
    index.close()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
