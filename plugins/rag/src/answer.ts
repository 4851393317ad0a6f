import {
  type Answer,
  type AnswerHost,
  type AnswerRequest,
  arrayConstant,
  type Constant,
  type DecoderState,
  limits,
  readConfig,
} from '@silane/core'
import * as z from 'zod'
import { contextText } from './contexts.ts'
import { generateRagSequence, generateRagToken, type RagContext, type RagPrograms, type Retrieved } from './generate.ts'
import { ragGeneration } from './generation.ts'

/** What the pipeline of silane.json says besides how to generate. */
const pipelineShape = z.object({
  decoding: z.enum(['token', 'sequence']),
  context: z.object({ prefix: z.string(), title_sep: z.string(), doc_sep: z.string(), max_length: z.int().positive() }),
})
const optionsShape = z.object({ seq: z.int().positive().max(limits.positions) })

/** The answer of a converted RAG from passages, which `RagRetriever` of transformers would have found. */
export async function answerWithRag(
  { questionIds, passages, beams, maxNewTokens }: AnswerRequest,
  { pipeline, options, tokenizer, decoder }: AnswerHost,
): Promise<Answer> {
  const source = { location: 'pipeline', file: 'silane.json' }
  const { context, decoding } = readConfig({ ...source, config: pipeline }, pipelineShape)
  const { seq } = readConfig({ ...source, config: options, location: 'options' }, optionsShape)
  const config = ragGeneration(pipeline, {
    ...(beams === undefined ? {} : { beams }),
    ...(maxNewTokens === undefined ? {} : { maxLength: maxNewTokens + 1 }),
  })
  const words = await tokenizer('encoder')
  // As in the original the generator reads the question as the other tokenizer gives it back: in lower case, say.
  const question = (await tokenizer('question_encoder')).decode(questionIds)
  const length = Math.min(context.max_length, seq)
  const contexts = passages.map(({ title = '', text }): RagContext => {
    const { ids } = words.encode(contextText({ title, text }, question, context), { length })
    const padded = (row: readonly number[], fill: number) => [...row, ...Array.from({ length: seq - row.length }, () => fill)]
    return {
      inputIds: padded(ids, config.padTokenId ?? 0),
      attentionMask: padded(
        ids.map(() => 1),
        0,
      ),
    }
  })
  const retrieved: Retrieved = { contexts, docScores: passages.map(({ score }) => score) }
  const programs: RagPrograms<DecoderState> = {
    encode: ({ inputIds, attentionMask }) => decoder({ encoder_input_ids: row(inputIds), encoder_attention_mask: row(attentionMask) }),
    decode: (state, ids) => state.read(ids),
  }
  if (decoding === 'token') {
    const { tokens, score } = await generateRagToken(programs, retrieved, config)
    return { text: words.decode(tokens), tokens, score }
  }
  const { tokens, score, candidates } = await generateRagSequence(programs, retrieved, config)
  return {
    text: words.decode(tokens),
    tokens,
    score,
    candidates: candidates.map(each => ({ text: words.decode(each.tokens), score: each.score })),
  }
}

const row = (values: readonly number[]): Constant => arrayConstant('int32', [1, values.length], Int32Array.from(values))
