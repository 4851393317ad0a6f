import type { GenerationSettings } from '@silane/core'
import { errors } from './errors.ts'
import { finishedText } from './finished-text.ts'

/** Why a sequence, with what it began with, goes no further: a text that ends it, or the time that is over; undefined where it may go on. */
export type StopRule = (ids: readonly number[]) => 'text' | 'time' | undefined

export interface StopRequest {
  readonly settings: GenerationSettings
  /** The text of ids, special tokens among them; undefined without a tokenizer. */
  readonly decode: ((ids: readonly number[]) => string) | undefined
  readonly folder: string
  /** Milliseconds since generation began. */
  readonly elapsed: () => number
}

/** What ends a sequence besides an end token and its longest length. Throws E_NO_TOKENIZER where texts do and there is none. */
export function stopRule({ settings, decode, folder, elapsed }: StopRequest): StopRule {
  const { max_time: seconds = Number.POSITIVE_INFINITY, stop_strings: texts = [] } = settings
  if (texts.length > 0 && !decode) throw errors.E_NO_TOKENIZER({ where: folder })
  const late = () => elapsed() > seconds * 1000
  return ids => {
    if (decode !== undefined && texts.length > 0 && endsWith(ids, texts, decode)) return 'text'
    return late() ? 'time' : undefined
  }
}

/** Whether one of the texts ends in the last token, whatever that token says after it. */
function endsWith(ids: readonly number[], texts: readonly string[], decode: (ids: readonly number[]) => string): boolean {
  const all = decode(ids)
  const before = ids.length > 1 ? finishedText(decode(ids.slice(0, -1))).length : 0
  return texts.some(text => all.includes(text, Math.max(0, before - text.length + 1)))
}
