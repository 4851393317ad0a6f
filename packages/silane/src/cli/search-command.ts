import { type SearchOptions, searchDocuments } from '../documents/search-documents.ts'
import { printPassage } from './print-passage.ts'
import { terminal } from './terminal.ts'

export interface SearchFlags extends Pick<SearchOptions, 'index' | 'query' | 'count' | 'from'> {
  readonly bits?: boolean
  readonly json?: boolean
}

/** `silane search`. */
export async function searchCommand(folder: string, { bits, json, ...flags }: SearchFlags): Promise<number> {
  const result = await searchDocuments({ ...flags, folder, method: bits ? 'bits' : 'exact' })
  if (json) {
    terminal.document(result)
    return 0
  }
  for (const note of result.notes) terminal.note(`note: ${note}`)
  for (const hit of result.hits) printPassage(hit)
  const recall = result.recall === undefined ? '' : `, recall ${result.recall.toFixed(2)} of exact search`
  terminal.note(`embedded in ${result.embedMs.toFixed(0)} ms, found in ${result.searchMs.toFixed(0)} ms${recall}`)
  return 0
}
