import { type AskOptions, ask } from '../documents/ask.ts'
import { printPassage } from './print-passage.ts'
import { terminal } from './terminal.ts'

export interface AskFlags extends Pick<AskOptions, 'index' | 'question' | 'count' | 'from' | 'beams' | 'maxNewTokens'> {
  readonly bits?: boolean
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** `silane ask`: the answer, then what it was made of. */
export async function askCommand(folder: string, { bits, plugin, json, ...flags }: AskFlags): Promise<number> {
  const result = await ask({ ...flags, folder, plugins: plugin, method: bits ? 'bits' : 'exact' })
  if (json) {
    terminal.document(result)
    return 0
  }
  for (const note of result.notes) terminal.note(`note: ${note}`)
  const { answer, score, source, sources } = result
  if (answer === null) terminal.result('None of these passages holds an answer.')
  else terminal.result(`${answer.trim()}\n`)
  for (const [at, passage] of sources.entries()) printPassage(passage, at === source ? '  ← read here' : '')
  terminal.note(
    `${answer === null ? '' : `score ${score.toFixed(3)}; `}found in ${(result.embedMs + result.searchMs).toFixed(0)} ms, answered in ${result.answerMs.toFixed(0)} ms`,
  )
  return 0
}
