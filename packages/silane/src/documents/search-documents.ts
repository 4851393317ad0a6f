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
  /** Why the ids of the tokenizer may not be the original's. */
  readonly notes: readonly string[]
  /** Milliseconds to embed the question, and to look it up. */
  readonly embedMs: number
  readonly searchMs: number
}

/** The passages of an index that are nearest to a question. Throws E_INDEX_MODEL where it is of another model. */
export const searchDocuments = async (options: SearchOptions): Promise<Searched> => (await findPassages(options)).found

/** What was found, and the ids of the question as the program read them. */
export interface Question {
  readonly found: Searched
  readonly ids: readonly number[]
}

/** Embeds a question and looks it up. Throws E_INDEX_MODEL where the index is of another model. */
export async function findPassages(options: SearchOptions): Promise<Question> {
  const { cwd = '.', query, count = 5, method = 'exact' } = options
  const { documentsErrors, openIndex, recall } = await openDocuments(options.folder, options.cwd)
  const file = resolve(cwd, options.index)
  const index = openIndex(file)
  try {
    const encoder = await openTextEncoder(resolve(cwd, options.folder), options.from)
    try {
      const { documentModel, questionModel, metric } = index.about
      if (encoder.model !== documentModel && encoder.model !== questionModel)
        throw documentsErrors.E_INDEX_MODEL({
          file,
          problem: `the folder's weights are ${encoder.model.slice(0, 12)}…, the index wants ${[...new Set([questionModel, documentModel])].map(model => `${model.slice(0, 12)}…`).join(' or ')}`,
        })
      if (encoder.metric !== metric)
        throw documentsErrors.E_INDEX_MODEL({
          file,
          problem: `the folder's vectors are compared by ${encoder.metric}, its own by ${metric}`,
        })
      const started = performance.now()
      const [vector] = (await encoder.embed([{ text: query }], 'query')) as readonly [Float32Array]
      const embedded = performance.now()
      const hits = index.search(vector, { count, method })
      const searched = performance.now()
      const found = {
        hits,
        notes: encoder.notes,
        ...(method === 'bits' ? { recall: recall(index, [vector], count) } : {}),
        embedMs: embedded - started,
        searchMs: searched - embedded,
      }
      return { found, ids: encoder.ids({ text: query }, 'query') }
    } finally {
      await encoder.close()
    }
  } finally {
    index.close()
  }
}
