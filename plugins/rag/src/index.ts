import {
  type Checkpoint,
  callStep,
  comparedByProduct,
  decoderOptions,
  definePlugin,
  encoderModel,
  encoderOptions,
  errors,
  forTasks,
  ids,
  mainProgram,
  mask,
  type OptionSpecs,
  own,
  segments,
  sequenceLength,
  type TokenizerSource,
  tokenInputs,
  type Weights,
  wordPieces,
} from '@silane/core'
import { bartTokenizer } from '@silane/plugin-bart/model'
import { bertWeights } from '@silane/plugin-bert/model'
import { answerWithRag } from './answer.ts'
import { readDprConfig, readRagConfig } from './config.ts'
import { generationSettings, notFollowed, scoringSettings } from './generation-settings.ts'
import { generatorPrograms, tiedNames } from './generator.ts'
import { findAnswer, vector } from './model.ts'

export { type ContextSettings, contextText, type Document, documentScores } from './contexts.ts'
export {
  generateRagSequence,
  generateRagToken,
  type RagAnswer,
  type RagContext,
  type RagPrograms,
  type RagSequenceAnswer,
  type Retrieved,
} from './generate.ts'
export { type RagGeneration, type RagGenerationOptions, ragGeneration } from './generation.ts'
export { marginalizeSequence, marginalizeTokens, type SequenceScoring } from './marginalize.ts'

const tasks = {
  RagTokenForGeneration: 'text2text-generation',
  RagSequenceForGeneration: 'text2text-generation',
  RagModel: 'text2text-generation',
  DPRQuestionEncoder: 'feature-extraction',
  DPRContextEncoder: 'feature-extraction',
  DPRReader: 'question-answering',
} as const

const questionOptions = {
  'question-length': {
    type: 'integer',
    minimum: 1,
    doc: "tokens of a question; default: --seq, as far as the question encoder's positions go",
  },
} as const satisfies OptionSpecs

/** The classes differ in this alone, and one of them says nothing of it. */
const decodingOption = {
  decoding: {
    type: 'string',
    choices: ['token', 'sequence'],
    doc: 'how documents are mixed: for every token, or for a whole answer; default: as the class does',
  },
} as const satisfies OptionSpecs

/** Where each DPR keeps what transformers calls by the class's own name. */
const modules: Readonly<Record<string, string>> = {
  DPRQuestionEncoder: 'question_encoder',
  DPRContextEncoder: 'ctx_encoder',
  DPRReader: 'span_predictor',
}

/** All of them are BERT's. */
const dprTokenizers = [
  'BertTokenizer',
  'DPRQuestionEncoderTokenizer',
  'DPRContextEncoderTokenizer',
  'DPRReaderTokenizer',
] as const satisfies TokenizerSource['classes']

/** The tensors of a DPR. A configuration that names no class is of the one whose tensors are there. */
function dprWeights(checkpoint: Checkpoint, architecture: string): Weights {
  const named = Array.isArray(checkpoint.config.architectures)
  const encoders = named || architecture === 'DPRReader' ? [own(modules, architecture)] : ['question_encoder', 'ctx_encoder']
  return bertWeights(checkpoint, [...encoders.map(module => `${module}.`), ''])
}

/** The folders that RAG keeps its tokenizers in. */
const [QUESTIONS, ANSWERS] = ['question_encoder_tokenizer', 'generator_tokenizer']

/** RAG, its question encoder and its generator, with the functions that a host mixes documents with; and DPR's own checkpoints. */
export default definePlugin({
  id: 'rag',
  spare: [
    'cls',
    'pooler',
    'lm_head',
    'final_logits_bias',
    'embed_tokens',
    'embeddings.position_ids',
    'span_predictor',
    'qa_classifier',
    'qa_outputs',
  ],
  tasks,
  options: {
    seq: encoderOptions.seq,
    ...forTasks(['feature-extraction', 'question-answering'], { batch: encoderOptions.batch }),
    ...forTasks(['text2text-generation'], { ...questionOptions, ...decodingOption }),
    ...decoderOptions(['text2text-generation']),
  },
  tied: ({ checkpoint, task }) => (task === 'text2text-generation' ? tiedNames(readRagConfig(checkpoint)) : []),
  load: ({ checkpoint, architecture, task, options }) => {
    if ('generator' in checkpoint.config !== (task === 'text2text-generation')) {
      const [problem, next] =
        task === 'text2text-generation'
          ? ['a DPR generates no text', 'Choose one of: feature-extraction, question-answering.']
          : [`a RAG does no ${task}`, 'Choose text2text-generation; a DPR has config.json of its own.']
      throw errors.E_OPTION({ option: '--task', problem, next })
    }
    if (task !== 'text2text-generation') {
      const config = readDprConfig(checkpoint)
      const w = dprWeights(checkpoint, architecture)
      const reads = { input_ids: ids(config.vocab_size), attention_mask: mask }
      return encoderModel(
        { checkpoint, options },
        {
          modelType: 'dpr',
          positions: config.max_position_embeddings,
          tokenizers: [wordPieces(dprTokenizers)],
          build: (b, length) => {
            const shape = [options.batch, length]
            if (task === 'question-answering') return { ...findAnswer(b, tokenInputs(b, reads, shape), w, config) }
            const inputs = tokenInputs(b, { ...reads, token_type_ids: segments(config.type_vocab_size) }, shape)
            return { pooler_output: comparedByProduct(vector(b, inputs, w, config)) }
          },
        },
      )
    }

    const config = readRagConfig(checkpoint)
    const { question, generator } = config
    const built = generatorPrograms({ checkpoint, options }, config)
    const asked = options['question-length']
    const length = sequenceLength(
      [asked ?? Math.min(built.seq, question.max_position_embeddings)],
      checkpoint,
      question.max_position_embeddings,
    )
    // In the classes with a head, and in `RagModel`.
    const w = bertWeights(checkpoint, ['rag.question_encoder.question_encoder.', 'question_encoder.question_encoder.'])
    const questions = mainProgram('question_encoder', b => {
      const inputs = tokenInputs(b, { input_ids: ids(question.vocab_size), attention_mask: mask }, [1, length])
      return { pooler_output: comparedByProduct(vector(b, inputs, w, question)) }
    })
    const width = question.projection_dim || question.hidden_size
    const decoding = options.decoding ?? (architecture === 'RagSequenceForGeneration' ? 'sequence' : 'token')
    const generation = generationSettings(checkpoint, generator.type, decoding)
    return {
      modelType: 'rag',
      programs: [questions, ...built.programs],
      pipeline: {
        kind: 'retrieval',
        // The decoder's own tokens are called the same.
        steps: [callStep(questions, { input_ids: 'question_input_ids', attention_mask: 'question_attention_mask' }), ...built.steps],
        decoding,
        tokenizers: { question_encoder: QUESTIONS, encoder: ANSWERS, decoder: ANSWERS },
        documents: { count: config.n_docs, deduplicate: config.do_deduplication },
        context: {
          prefix: config.prefix,
          title_sep: config.title_sep,
          doc_sep: config.doc_sep,
          max_length: config.max_combined_length,
        },
        scoring: scoringSettings(checkpoint, generator.type),
        generation,
      },
      options: { ...built.options, 'question-length': length, decoding },
      tokenizers: [
        wordPieces(dprTokenizers, { folder: QUESTIONS }),
        // T5's vocabulary is of SentencePiece.
        ...(generator.type === 'bart' ? [bartTokenizer({ folder: ANSWERS })] : []),
      ],
      notes: [
        ...(width === config.retrieval_vector_size
          ? []
          : [`retrieval_vector_size is ${config.retrieval_vector_size}, but the vectors of questions have ${width} elements`]),
        ...(generation.do_sample === true ? ['do_sample is true, but the functions of this plugin choose the most likely tokens'] : []),
        ...notFollowed(generation).map(key => `${key} is set, and the functions of this plugin do not follow it`),
      ],
    }
  },
  answer: answerWithRag,
})
