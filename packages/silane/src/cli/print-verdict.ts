import type { Verdict } from '../report/verdict.ts'
import { style } from './terminal.ts'

const marks = { pass: ['green', 'ok'], miss: ['red', 'missed'], unknown: ['yellow', 'unproved'] } as const

/** The verdict as the first line of a result, with a word that says it without colours. */
export function printVerdict({ result, text }: Verdict, stream: NodeJS.WriteStream): string {
  const [color, word] = marks[result]
  return `${style(color, word, stream)}: ${text}`
}
