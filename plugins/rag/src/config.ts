import { type Checkpoint, limits, readConfig } from '@silane/core'
import { type BartConfig, readBartConfig } from '@silane/plugin-bart/model'
import { type BertConfig, readBertConfig } from '@silane/plugin-bert/model'
import { readT5Config, type T5Config } from '@silane/plugin-t5/model'
import * as z from 'zod'

const count = (most: number) => z.int().positive().max(most)

/** What DPR has beside BERT's keys, with the default of transformers' `DPRConfig`. */
const dpr = z.object({ projection_dim: z.int().nonnegative().max(limits.width).default(0) })

/** The keys of a RAG config.json that the programs or a host depend on, with the defaults of `RagConfig`. */
const rag = z.object({
  n_docs: count(limits.few).default(5),
  max_combined_length: count(limits.positions).default(300),
  retrieval_vector_size: count(limits.width).default(768),
  title_sep: z.string().default(' / '),
  doc_sep: z.string().default(' // '),
  do_deduplication: z.boolean().default(true),
})

const questionEncoder = z.object({ model_type: z.literal('dpr', 'is a question encoder that is not supported; DPR is') })

const generator = z.object({
  model_type: z.enum(['bart', 't5'], 'is a generator that is not supported; BART and T5 are'),
  /** Stands before every context. */
  prefix: z.string().default(''),
})

export type DprConfig = BertConfig & {
  /** Width of the vectors; 0 where they are the first token's as they are. */
  readonly projection_dim: number
}

/** A DPR's config.json, or the section of it that is one. Throws E_CONFIG. */
export const readDprConfig = (checkpoint: Checkpoint, section?: string): DprConfig => ({
  ...readBertConfig(checkpoint, section),
  ...readConfig(checkpoint, dpr, section),
})

export type GeneratorConfig = { readonly type: 'bart'; readonly config: BartConfig } | { readonly type: 't5'; readonly config: T5Config }

export interface RagConfig extends z.infer<typeof rag> {
  readonly prefix: string
  readonly question: DprConfig
  readonly generator: GeneratorConfig
}

/** config.json with its two models, typed, defaulted and checked. Throws E_CONFIG. */
export function readRagConfig(checkpoint: Checkpoint): RagConfig {
  readConfig(checkpoint, questionEncoder, 'question_encoder')
  const { model_type: type, prefix } = readConfig(checkpoint, generator, 'generator')
  return {
    ...readConfig(checkpoint, rag),
    prefix,
    question: readDprConfig(checkpoint, 'question_encoder'),
    generator:
      type === 't5' ? { type, config: readT5Config(checkpoint, 'generator') } : { type, config: readBartConfig(checkpoint, 'generator') },
  }
}
