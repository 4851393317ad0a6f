import { resolve } from 'node:path'
import type { ProgramSource } from '../pipeline/open-programs.ts'
import { openDocuments } from './open-documents.ts'
import { openTextEncoder } from './text-encoder.ts'

export interface SearchOptions {
  /** A folder that `convert` wrote: of the model that the index was made with or for. */
  readonly folder: string
  readonly index: string
  readonly query: string
  /** How many passages, the best first. Default: 5. */
  readonly count?: number | undefined
  /** `bits` looks at a bit of each element first, and exactly at what comes nearest. Default: exact. */
  readonly method?: 'exact' | 'bits' | undefined
  readonly from?: ProgramSource | undefined
  readonly cwd?: string | undefined
}

/** A passage that was found. */
export interface FoundPassage {
  readonly id: string
  readonly text: string
  readonly title?: string
  readonly source?: string
  readonly meta?: unknown
  /** Higher is nearer. */
  readonly score: number
}

export interface Searched {
  readonly hits: readonly FoundPassage[]
  /** With `bits`: the share of what exact search finds that this found, too. */
  readonly recall?: number
  /** Milliseconds to embed the question, and to look it up. */
  readonly embedMs: number
  readonly searchMs: number
}

/** The passages of an index that are nearest to a question. Throws E_INDEX_MODEL where it is of another model. */
export async function searchDocuments(options: SearchOptions): Promise<Searched> {
  const { cwd = '.', query, count = 5, method = 'exact' } = options
  const { documentsErrors, openIndex, recall } = await openDocuments(options.folder, options.cwd)
  const file = resolve(cwd, options.index)
  const index = openIndex(file)
  try {
    const encoder = await openTextEncoder(resolve(cwd, options.folder), options.from)
    try {
      const { documentModel, questionModel } = index.about
      if (encoder.model !== documentModel && encoder.model !== questionModel)
        throw documentsErrors.E_INDEX_MODEL({
          file,
          problem: `the folder's weights are ${encoder.model.slice(0, 12)}…, the index wants ${[...new Set([questionModel, documentModel])].map(model => `${model.slice(0, 12)}…`).join(' or ')}`,
        })
      const started = performance.now()
      const [vector] = (await encoder.embed([{ text: query }], 'query')) as readonly [Float32Array]
      const embedded = performance.now()
      const hits = index.search(vector, { count, method })
      const searched = performance.now()
      return {
        hits,
        ...(method === 'bits' ? { recall: recall(index, [vector], count) } : {}),
        embedMs: embedded - started,
        searchMs: searched - embedded,
      }
    } finally {
      await encoder.close()
    }
  } finally {
    index.close()
  }
}
