import type { FoundPassage } from '../documents/search-documents.ts'
import { terminal } from './terminal.ts'

/** Of a passage that is shown. */
const SHOWN = 240

/** A passage with its score and where it is from. */
export function printPassage({ score, title, source, id, text }: FoundPassage, mark = ''): void {
  terminal.result(`${score.toFixed(3)}  ${[title, source].filter(part => part !== undefined).join(', ') || id}${mark}`)
  const line = text.replace(/\s+/g, ' ').trim()
  terminal.result(`       ${line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line}`)
}
