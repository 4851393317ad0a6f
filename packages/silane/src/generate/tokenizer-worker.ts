import { workerData } from 'node:worker_threads'
import { openPipeline, type TextPipeline } from '../tokenizers/text-pipeline.ts'
import type { EncodeCall, Encoded, TokenizerAnswer, TokenizerCall, TokenizerData } from './tokenizer-thread.ts'

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

let pipeline: TextPipeline | undefined
answer(() => {
  pipeline = openPipeline(file, config)
  return pipeline.frames
})

port.on('message', (call: TokenizerCall) =>
  answer(() => {
    if (!pipeline) throw new Error('it is not open')
    return 'text' in call ? encode(pipeline, call) : pipeline.decode([...call.ids], call.options)
  }),
)

function encode({ frames, ids }: TextPipeline, { text, options }: EncodeCall): Encoded {
  const { text_pair: second, add_special_tokens: special = true } = options
  const texts = [ids(text), ...(second ? [ids(second)] : [])]
  const rows = (second ? frames.pair : frames.single).flatMap(part => {
    const row = 'text' in part ? texts[part.text] : special ? part.ids : undefined
    return row ? [{ row, segments: row.map(() => part.segment) }] : []
  })
  return { ids: rows.flatMap(({ row }) => row), token_type_ids: rows.flatMap(({ segments }) => segments) }
}
