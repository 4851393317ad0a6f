import {
  type Answer,
  type AnswerHost,
  type AnswerRequest,
  arrayConstant,
  type Constant,
  errors,
  limits,
  own,
  readAll,
  readConfig,
} from '@silane/core'
import * as z from 'zod'
import { NO_ANSWER } from './model.ts'

const pipelineShape = z.object({ reader_beam_size: z.int().positive().max(limits.few) })
const optionsShape = z.object({ seq: z.int().positive().max(limits.positions) })

/** Tokens of all passages together, of which there are four tables. The original reads 5 passages of 320. */
const MAX_TOKENS = 1 << 22

/** The answer that a converted `RealmForOpenQA` reads in passages, as the original does with those that its retriever gives. */
export async function readAnswer(
  { questionIds, passages }: AnswerRequest,
  { pipeline, options, tokenizer, run }: AnswerHost,
): Promise<Answer> {
  const source = { location: 'pipeline', file: 'silane.json' }
  const { reader_beam_size: count } = readConfig({ ...source, config: pipeline }, pipelineShape)
  const { seq } = readConfig({ ...source, config: options, location: 'options' }, optionsShape)
  if (count * seq > MAX_TOKENS) {
    const problem = `makes ${count * seq} tokens with the ${seq} of each passage; up to ${MAX_TOKENS} are read`
    throw errors.E_CONFIG({ file: source.file, field: 'reader_beam_size', problem, where: source.location })
  }
  if (passages.length > count)
    throw errors.E_OPTION({ option: '--count', problem: `the reader reads ${count} passages, not ${passages.length}` })
  const words = await tokenizer('reader')
  const question = words.decode(questionIds)
  const rows = passages.map(({ text }) => words.encode(question, { pair: text, length: seq }))
  /** [K, S]: where there are fewer passages than rows, or fewer tokens, it is padding. */
  const matrix = (value: (row: number, at: number) => number | undefined): Constant =>
    arrayConstant(
      'int32',
      [count, seq],
      Int32Array.from({ length: count * seq }, (_, i) => value(Math.floor(i / seq), i % seq) ?? 0),
    )
  const found = await run(
    {
      candidate_input_ids: matrix((row, at) => rows[row]?.ids[at]),
      // A row without a passage has a token all the same: attention to nothing is none.
      candidate_attention_mask: matrix((row, at) => (at < (rows[row]?.ids.length ?? 1) ? 1 : 0)),
      candidate_token_type_ids: matrix((row, at) => rows[row]?.segments[at]),
      block_mask: matrix((row, at) => (rows[row]?.segments[at] === 1 && rows[row].special[at] === 0 ? 1 : 0)),
      relevance_score: arrayConstant(
        'fp32',
        [count],
        Float32Array.from({ length: count }, (_, at) => passages[at]?.score ?? 0),
      ),
    },
    ['reader_logits', 'block_idx', 'candidate', 'start_pos', 'end_pos'],
  )
  const one = (name: string): number => {
    const tensor = own(found, name)
    if (!tensor) throw errors.E_UNSUPPORTED({ what: `The reader gave no ${name}.` })
    return Number(readAll(tensor)[0])
  }
  const [passage, span, first, last] = [one('block_idx'), one('candidate'), one('start_pos'), one('end_pos')]
  const scores = found.reader_logits
  const spans = scores?.shape[1] ?? 0
  const score = Number(scores?.read(passage * spans + span, 1)[0] ?? NO_ANSWER)
  // No span begins and ends in its passage.
  if (score <= NO_ANSWER / 2) return { text: undefined, tokens: [], score }
  const tokens = rows[passage]?.ids.slice(first, last + 1) ?? []
  return { text: words.decode(tokens), tokens, score, passage }
}
