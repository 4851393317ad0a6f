import { type BeamConfig, errors, type Pipeline, readConfig } from '@silane/core'
import * as z from 'zod'

const id = z.int().nonnegative()
const ids = z.union([id.transform(one => [one]), z.array(id)])
const count = z.int().nonnegative()

/** `pipeline.generation` of silane.json, by transformers' names. */
const generation = z.object({
  num_beams: z.int().positive().default(1),
  max_length: z.int().positive().default(20),
  max_new_tokens: z.int().positive().optional(),
  min_length: count.default(0),
  min_new_tokens: count.default(0),
  no_repeat_ngram_size: count.default(0),
  repetition_penalty: z.number().positive().default(1),
  length_penalty: z.number().default(1),
  early_stopping: z.union([z.boolean(), z.literal('never')]).default(false),
  pad_token_id: id.optional(),
  eos_token_id: ids.default([]),
  bos_token_id: id.optional(),
  decoder_start_token_id: id.optional(),
  forced_bos_token_id: id.optional(),
  forced_eos_token_id: id.optional(),
  suppress_tokens: ids.default([]),
  begin_suppress_tokens: ids.default([]),
})

const scoring = z.object({ pad_token_id: id.optional(), bos_token_id: id.optional() })

const documents = z.object({ deduplicate: z.boolean().default(true) })

const whole = z.object({ decoding: z.enum(['token', 'sequence']) })

/** How an answer is generated. Lengths count the start token. */
export interface RagGeneration extends BeamConfig {
  readonly decoderStartTokenId: number
  /** Of the encoder's input: what is not it counts where RAG-sequence looks for candidates. */
  readonly padTokenId: number | undefined
  /** What candidates of RAG-sequence are scored with. */
  readonly scoring: { readonly padTokenId: number | undefined; readonly bosTokenId: number | undefined }
  /** Whether equal candidates of several documents count once. */
  readonly deduplicate: boolean
}

export type RagGenerationOptions = Partial<Omit<RagGeneration, 'scoring'>>

/**
 * The settings of generation that silane.json says, under what a caller sets. A `max_length` of 20 is transformers' default, which
 * RAG-sequence, but not RAG-token, takes for 20 new tokens. Throws E_CONFIG.
 */
export function ragGeneration(pipeline: Pipeline, options: RagGenerationOptions = {}): RagGeneration {
  const source = { config: pipeline, location: 'pipeline', file: 'silane.json' }
  const { decoding } = readConfig(source, whole)
  const said = readConfig(source, generation, 'generation')
  const scored = readConfig(source, scoring, 'scoring')
  const ofGenerator = said.max_new_tokens === undefined ? said.max_length + (said.max_length === 20 ? 1 : 0) : said.max_new_tokens + 1
  const decoderStartTokenId = options.decoderStartTokenId ?? said.decoder_start_token_id ?? said.bos_token_id
  if (decoderStartTokenId === undefined)
    throw errors.E_CONFIG({ ...source, field: 'generation.decoder_start_token_id', problem: 'is missing', where: source.location })
  return {
    beams: said.num_beams,
    maxLength: decoding === 'sequence' ? ofGenerator : said.max_length,
    minLength: said.min_length,
    minNewTokens: said.min_new_tokens,
    noRepeatNgramSize: said.no_repeat_ngram_size,
    repetitionPenalty: said.repetition_penalty,
    lengthPenalty: said.length_penalty,
    earlyStopping: said.early_stopping,
    padTokenId: said.pad_token_id,
    eosTokenIds: said.eos_token_id,
    forcedBosTokenId: said.forced_bos_token_id,
    forcedEosTokenId: said.forced_eos_token_id,
    suppressTokens: said.suppress_tokens,
    beginSuppressTokens: said.begin_suppress_tokens,
    deduplicate: readConfig(source, documents, 'documents').deduplicate,
    ...options,
    decoderStartTokenId,
    scoring: { padTokenId: scored.pad_token_id, bosTokenId: scored.bos_token_id },
  }
}
