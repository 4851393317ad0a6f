import { workerData } from 'node:worker_threads'
import { Tokenizer } from '@huggingface/tokenizers'
import { alignFile, alignTokenizer } from '../tokenizers/align-tokenizer.ts'
import type { TokenizerAnswer, TokenizerCall, TokenizerData } from './tokenizer-thread.ts'

const { tokenizer: file, config, port, signal } = workerData as TokenizerData
const count = new Int32Array(signal)

const answer = (make: () => unknown): void => {
  let made: TokenizerAnswer
  try {
    made = { value: make() }
  } catch (cause) {
    made = { problem: cause instanceof Error ? cause.message : String(cause) }
  }
  port.postMessage(made)
  Atomics.add(count, 0, 1)
  Atomics.notify(count, 0)
}

let tokenizer: Tokenizer | undefined
answer(() => {
  tokenizer = new Tokenizer(alignFile(file), config)
  alignTokenizer(tokenizer, file)
})

port.on('message', (call: TokenizerCall) =>
  answer(() => {
    if ('text' in call) {
      const { ids, token_type_ids } = tokenizer?.encode(call.text, { ...call.options, return_token_type_ids: true }) ?? {}
      return { ids, token_type_ids }
    }
    return tokenizer?.decode([...call.ids], call.options)
  }),
)
