import type { Json } from '@silane/core'
import { finishedText } from '../generate/finished-text.ts'
import { generate, type StopReason } from '../generate/generate.ts'
import type { ProgramSource } from '../pipeline/open-programs.ts'
import { formatSeconds } from './format.ts'
import { terminal } from './terminal.ts'

export interface GenerateFlags {
  readonly text?: string
  readonly ids?: number[]
  readonly from?: ProgramSource
  readonly maxNewTokens?: number
  readonly beams?: number
  readonly sample?: boolean
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly seed?: number
  readonly set?: Readonly<Record<string, Json>>
  readonly json?: boolean
}

/** Why a text goes no further, in words. */
const reasons: Readonly<Record<StopReason, string>> = {
  end: 'the model ended it',
  length: 'no more tokens were asked for, or fit into the cache',
  text: 'a stop string ended it',
  time: 'the time is over',
}

/** `silane generate`: the text on stdout as it comes, what was measured on stderr. */
export async function generateCommand(folder: string, flags: GenerateFlags): Promise<number> {
  let shown = ''
  const stream = (_: number, text: string | undefined): void => {
    // A character may need several tokens: what is shown ends before one that is not whole yet.
    const whole = text === undefined ? undefined : finishedText(text)
    if (flags.json || whole === undefined || !whole.startsWith(shown)) return
    terminal.piece(whole.slice(shown.length))
    shown = whole
  }
  const result = await generate({
    folder,
    text: flags.text,
    ids: flags.ids,
    from: flags.from,
    maxNewTokens: flags.maxNewTokens,
    beams: flags.beams,
    doSample: flags.sample,
    temperature: flags.temperature,
    topK: flags.topK,
    topP: flags.topP,
    seed: flags.seed,
    settings: flags.set,
    onToken: stream,
  })
  if (flags.json) terminal.document(result)
  else {
    terminal.result((result.text ?? result.tokens.join(' ')).slice(shown.length))
    for (const { text, tokens } of result.sequences.slice(1)) terminal.result(text ?? tokens.join(' '))
  }
  for (const note of result.notes) terminal.note(`note: ${note}`)
  const { tokens, promptTokens, prefillMs, decodeMs, stopReason } = result
  const speed = tokens.length > 1 && decodeMs > 0 ? `, ${(((tokens.length - 1) / decodeMs) * 1000).toFixed(1)} tokens/s` : ''
  terminal.note(
    `${promptTokens} tokens read in ${formatSeconds(prefillMs / 1000)}, ${tokens.length} written${speed}, on this machine's CPU; ${reasons[stopReason]} (${stopReason})`,
  )
  return 0
}
