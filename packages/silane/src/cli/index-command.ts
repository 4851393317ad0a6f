import { type IndexOptions, indexDocuments } from '../documents/index-documents.ts'
import { progressLine } from './progress-line.ts'
import { terminal } from './terminal.ts'

export interface IndexFlags extends Pick<IndexOptions, 'documents' | 'out' | 'for' | 'from'> {
  readonly chunk?: number
  readonly overlap?: number
  readonly json?: boolean
}

/** Lines with problems that are shown. */
const SHOWN = 20

/** `silane index`. Exit code 3 where lines were no documents. */
export async function indexCommand(folder: string, { chunk, overlap, json, ...flags }: IndexFlags, signal: AbortSignal): Promise<number> {
  const line = progressLine()
  try {
    const cutting = chunk === undefined ? undefined : { tokens: chunk, overlap: overlap ?? Math.floor(chunk / 8) }
    const result = await indexDocuments({ ...flags, folder, chunk: cutting, signal, onProgress: line.show })
    line.clear()
    if (json) terminal.document(result)
    else {
      const { out, added, known, total, problems, cut, notes, passagesPerSecond } = result
      for (const note of notes) terminal.note(`note: ${note}`)
      for (const { line: at, problem } of problems.slice(0, SHOWN)) terminal.note(`line ${at}: ${problem}`)
      if (problems.length > SHOWN) terminal.note(`and ${problems.length - SHOWN} lines more`)
      if (cut > 0) terminal.note(`${cut} passages are longer than the program reads; --chunk cuts them into pieces`)
      terminal.result(
        `${out}: ${total} passages, ${added} new${known > 0 ? `, ${known} known` : ''}; ${passagesPerSecond.toFixed(1)} passages/s`,
      )
      if (problems.length > 0) terminal.result(`${problems.length} lines were left out`)
    }
    return result.problems.length > 0 ? 3 : 0
  } finally {
    line.clear()
  }
}
