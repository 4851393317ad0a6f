import { type SearchOptions, searchDocuments } from '../documents/search-documents.ts'
import { terminal } from './terminal.ts'

export interface SearchFlags extends Pick<SearchOptions, 'index' | 'query' | 'count' | 'from'> {
  readonly bits?: boolean
  readonly json?: boolean
}

/** Of a passage that is shown. */
const SHOWN = 240

/** `silane search`. */
export async function searchCommand(folder: string, { bits, json, ...flags }: SearchFlags): Promise<number> {
  const result = await searchDocuments({ ...flags, folder, method: bits ? 'bits' : 'exact' })
  if (json) {
    terminal.document(result)
    return 0
  }
  for (const { score, title, source, id, text } of result.hits) {
    terminal.result(`${score.toFixed(3)}  ${[title, source].filter(part => part !== undefined).join(', ') || id}`)
    const line = text.replace(/\s+/g, ' ').trim()
    terminal.result(`       ${line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line}`)
  }
  const recall = result.recall === undefined ? '' : `, recall ${result.recall.toFixed(2)} of exact search`
  terminal.note(`embedded in ${result.embedMs.toFixed(0)} ms, found in ${result.searchMs.toFixed(0)} ms${recall}`)
  return 0
}
