import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Json } from '@silane/core'
import { errors } from '../errors.ts'
import type { Frames } from '../tokenizers/frames.ts'
import { CallAccount } from './call-account.ts'

type JsonObject = { readonly [key: string]: Json }

/** What the thread is given. */
export interface TokenizerData {
  readonly tokenizer: JsonObject
  readonly config: JsonObject
  readonly port: MessagePort
  /** Counts the answers: whoever waits for one sleeps on it. */
  readonly signal: SharedArrayBuffer
}

interface EncodeOptions {
  readonly text_pair?: string
  readonly add_special_tokens?: boolean
}

interface DecodeOptions {
  readonly skip_special_tokens?: boolean
}

export interface EncodeCall {
  readonly text: string
  readonly options: EncodeOptions
}

export type TokenizerCall = EncodeCall | { readonly ids: readonly number[]; readonly options: DecodeOptions }

export type TokenizerAnswer = { readonly value: unknown } | { readonly problem: string }

export interface Encoded {
  readonly ids: readonly number[]
  /** The segment of each id. */
  readonly token_type_ids: readonly number[]
}

/** A tokenizer in a thread of its own. Its calls throw E_FOLDER_FILE and E_TOKENIZER_LIMIT. */
export interface TokenizerThread {
  /** What it puts around texts. */
  readonly frames: Frames
  encode(text: string, options?: EncodeOptions): Encoded
  decode(ids: readonly number[], options?: DecodeOptions): string
  /** Ends the thread; of one that is forgotten the process ends all the same. */
  close(): void
}

/** Milliseconds. Reading the largest tokenizer.json takes 3 s. */
const OPEN_LIMIT = 60_000

/** Milliseconds between looks at the memory while a call is waited for. */
const LOOK = 25

/** Megabytes of heap: the largest tokenizer takes 320. What the process takes besides, while texts of such a size are copied, may be twice that. */
const MEMORY_LIMIT = 448

/**
 * Runs the tokenizers library where it can be stopped. A tokenizer.json holds regular expressions and replacements that its author
 * chose, some of which end in no lifetime or fill all memory; in the thread of the caller nothing could interrupt them. The caller waits
 * for each answer, and so no one has to be asynchronous.
 */
export async function tokenizerThread(
  { tokenizer, config }: Pick<TokenizerData, 'tokenizer' | 'config'>,
  { file, where }: { readonly file: string; readonly where: string },
): Promise<TokenizerThread> {
  const signal = new SharedArrayBuffer(4)
  const count = new Int32Array(signal)
  const { port1: own, port2: port } = new MessageChannel()
  const script = import.meta.url.endsWith('.ts') ? './tokenizer-worker.ts' : './tokenizer-worker.js'
  const worker = new Worker(new URL(script, import.meta.url), {
    workerData: { tokenizer, config, port, signal } satisfies TokenizerData,
    transferList: [port],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_LIMIT, maxYoungGenerationSizeMb: 32 },
    execArgv: [],
  })
  let ended: Error | undefined
  const end = (error: Error): Error => {
    ended ??= error
    own.close()
    void worker.terminate()
    return ended
  }
  const limit = (problem: string) => end(errors.E_TOKENIZER_LIMIT({ file, problem, where }))
  worker.on('error', () => limit(`it takes more than ${MEMORY_LIMIT} MB`))
  const account = new CallAccount()
  let taken = 0
  const take = (): unknown => {
    taken++
    const answer = receiveMessageOnPort(own)?.message as TokenizerAnswer | undefined
    if (answer === undefined) throw limit('it gives no answer')
    if ('value' in answer) return answer.value
    throw errors.E_FOLDER_FILE({ file, problem: `the tokenizers library refuses it (${answer.problem})`, where })
  }
  const call = (asked: TokenizerCall): unknown => {
    if (ended) throw ended
    own.postMessage(asked)
    const { length } = 'text' in asked ? asked.text : asked.ids
    const patience = account.patience(length)
    const before = process.memoryUsage.rss()
    let waited = 0
    for (; Atomics.wait(count, 0, taken, LOOK) === 'timed-out'; waited += LOOK) {
      // The engine holds a heap to its limit only when it collects, and texts that double outrun that.
      const grown = process.memoryUsage.rss() - before > MEMORY_LIMIT * 1e6
      if (waited >= patience || grown) throw limit(`texts take it too long, or more than ${MEMORY_LIMIT} MB`)
    }
    account.took(waited, length)
    return take()
  }
  const died = new Promise<'died'>(resolve => worker.once('exit', () => resolve('died')))
  const ready = Atomics.waitAsync(count, 0, 0, OPEN_LIMIT)
  if (ready.async && (await Promise.race([ready.value, died])) !== 'ok')
    throw limit(`reading it takes more than ${OPEN_LIMIT / 1000} s or ${MEMORY_LIMIT} MB`)
  let frames: Frames
  try {
    frames = take() as Frames
  } catch (cause) {
    throw end(cause as Error)
  }
  // From here on it is waited for where it is asked, and keeps no process alive.
  worker.unref()
  return {
    frames,
    encode: (text, options = {}) => {
      const encoded = call({ text, options }) as Encoded
      // A row of the embeddings is read for each: what is no whole number would be read as some row.
      const at = encoded.ids.findIndex(id => !Number.isInteger(id) || id < 0)
      if (at >= 0) throw errors.E_FOLDER_FILE({ file, problem: `it gives a token the id ${encoded.ids[at]}`, where })
      return encoded
    },
    decode: (ids, options = {}) => call({ ids, options }) as string,
    close: () => void end(errors.E_TOKENIZER_LIMIT({ file, problem: 'it is closed', where })),
  }
}
