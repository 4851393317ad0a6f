import {
  type Builder,
  callStep,
  comparedByProduct,
  definePlugin,
  encoderOptions,
  encoderProgram,
  errors,
  forTasks,
  ids,
  mask,
  type Output,
  perToken,
  segments,
  sequenceLength,
  sequenceLengths,
  shapeOptions,
  type TiedNames,
  tokenInputs,
  wordPieces,
} from '@silane/core'
import { bertWeights, encode, predictWords, tiedWords } from '@silane/plugin-bert/model'
import { readAnswer } from './answer.ts'
import { type RealmConfig, readRealmConfig, requireSpans } from './config.ts'
import { bestSpan, project, relevance, scoreSpans } from './model.ts'

/** What a report says of an open QA checkpoint. */
const BLOCKS_STAY =
  'block_emb, the vectors of all text blocks, is in no program: an application searches them for the projected_score of a question and gives the products of what it finds to the reader as relevance_score'

/** What is stored under two names; other parts than the encoder have tensors of these names that are others, and used by nothing. */
const tied = (task: string, config: RealmConfig): readonly TiedNames[] => (task === 'fill-mask' ? tiedWords('cls.predictions', config) : [])

/** REALM: what finds passages for a question, what reads the answer in them, and what was pre-trained together with both. */
export default definePlugin({
  id: 'realm',
  spare: ['cls', 'pooler', 'block_emb', 'embeddings.position_ids'],
  tasks: {
    RealmEmbedder: 'feature-extraction',
    RealmScorer: 'feature-extraction',
    RealmKnowledgeAugEncoder: 'fill-mask',
    RealmReader: 'question-answering',
    RealmForOpenQA: 'question-answering',
  },
  options: {
    ...forTasks(['feature-extraction', 'fill-mask'], { batch: encoderOptions.batch }),
    seq: shapeOptions.seq,
    ...forTasks(['question-answering'], {
      'question-seq': {
        type: 'integer',
        minimum: 1,
        doc: 'sequence length of the question alone, where it is embedded too; default: --seq',
      },
    }),
  },
  tied: ({ checkpoint, task }) => tied(task, readRealmConfig(checkpoint)),
  load: ({ checkpoint, architecture, task, options }) => {
    const config = readRealmConfig(checkpoint)
    const { max_position_embeddings: positions, num_candidates: candidates, reader_beam_size: passages } = config
    const w = bertWeights(checkpoint, 'realm', tied(task, config))
    const ports = { input_ids: ids(config.vocab_size), attention_mask: mask, token_type_ids: segments(config.type_vocab_size) }
    const about = { modelType: 'realm', tokenizers: [wordPieces(['BertTokenizer', 'RealmTokenizer'], { cleanUp: false })] }
    // Two classes have this task each. A configuration without architectures leaves it to the tensors.
    const isScorer = architecture === 'RealmScorer' || w.has('query_embedder.cls.dense.weight')
    const isOpen = architecture === 'RealmForOpenQA' || w.has('reader.qa_outputs.dense_output.weight')

    if (task === 'question-answering') {
      const read = (b: Builder, length: number): Readonly<Record<string, Output>> => {
        const part = isOpen ? w.at('reader') : w
        const texts = tokenInputs(b, ports, [passages, length])
        const relevance_score = b.input('relevance_score', 'fp32', [passages], { role: 'vectors', exact: true })
        const block_mask = b.input('block_mask', 'int32', [passages, length], mask)
        const scores = scoreSpans(b, { ...texts, relevance_score, block_mask }, part, config)
        return { reader_logits: { value: scores, exact: true }, ...bestSpan(b, scores, length, config.max_span_width) }
      }
      const seq = options.seq ?? [Math.min(config.reader_seq_len, positions)]
      requireSpans(seq, config)
      const shared = { reader_beam_size: passages, max_span_width: config.max_span_width }
      if (!isOpen) {
        if (options['question-seq'] !== undefined)
          throw errors.E_OPTION({ option: '--option question-seq', problem: 'this checkpoint has no embedder, it reads passages alone' })
        const lengths = sequenceLengths(seq, checkpoint, positions)
        const reader = encoderProgram(lengths, read, 'reader')
        return {
          ...about,
          programs: [reader],
          pipeline: { kind: 'retrieval', steps: [callStep(reader)], ...shared },
          options: { seq: oneOrMany(lengths) },
        }
      }
      const length = sequenceLength(seq, checkpoint, positions)
      const asked = options['question-seq'] ?? length
      if (asked > positions)
        throw errors.E_OPTION({ option: '--option question-seq', problem: `${asked} is more than the model's ${positions} positions` })
      const embedder = encoderProgram(
        [asked],
        (b, length) => ({ projected_score: comparedByProduct(project(b, tokenInputs(b, ports, [1, length]), w.at('embedder'), config)) }),
        'embedder',
      )
      const reader = encoderProgram([length], read, 'reader')
      // The question is alone in the first, and in front of every passage in the second.
      const rows = Object.fromEntries(Object.keys(ports).map(name => [name, `candidate_${name}`]))
      return {
        ...about,
        programs: [embedder, reader],
        pipeline: {
          kind: 'retrieval',
          steps: [callStep(embedder), callStep(reader, rows)],
          ...shared,
          documents: { count: passages, most: passages },
        },
        options: { seq: length, 'question-seq': asked },
        notes: [BLOCKS_STAY],
      }
    }

    const { batch } = options
    const lengths = sequenceLengths(options.seq, checkpoint, positions)
    const single = (name: string, build: (b: Builder, length: number) => Readonly<Record<string, Output>>) => {
      const program = encoderProgram(lengths, build, name)
      return {
        ...about,
        programs: [program],
        pipeline: { kind: 'encoder', steps: [callStep(program)] } as const,
        options: { seq: oneOrMany(lengths), batch },
      }
    }

    if (task === 'fill-mask') {
      const encoder = single('knowledge_augmented_encoder', (b, length) => {
        const x = encode(b, tokenInputs(b, ports, [batch * candidates, length]), w, config)
        return { logits: perToken(predictWords(b, x, w, config)) }
      })
      return { ...encoder, pipeline: { ...encoder.pipeline, num_candidates: candidates } }
    }

    if (isScorer) {
      // Both names are of one embedder as a rule, and some files keep one of them.
      const part = (name: string, other: string) => (w.has(`${name}.cls.dense.weight`) ? w.at(name) : w.at(other))
      const scorer = single('scorer', (b, length) => {
        const question = tokenInputs(b, ports, [batch, length])
        const named = {
          candidate_input_ids: ports.input_ids,
          candidate_attention_mask: ports.attention_mask,
          candidate_token_type_ids: ports.token_type_ids,
        }
        const texts = tokenInputs(b, named, [batch, candidates, length])
        const rows = {
          input_ids: b.reshape({ x: texts.candidate_input_ids, shape: [batch * candidates, length] }),
          attention_mask: b.reshape({ x: texts.candidate_attention_mask, shape: [batch * candidates, length] }),
          token_type_ids: b.reshape({ x: texts.candidate_token_type_ids, shape: [batch * candidates, length] }),
        }
        const questions = project(b, question, part('query_embedder', 'embedder'), config)
        const found = project(b, rows, part('embedder', 'query_embedder'), config)
        return { relevance_score: { value: relevance(b, questions, found), exact: true } }
      })
      return { ...scorer, pipeline: { ...scorer.pipeline, kind: 'retrieval', num_candidates: candidates } }
    }

    const part = isOpen ? w.at('embedder') : w
    const embedder = single('embedder', (b, length) => ({
      projected_score: comparedByProduct(project(b, tokenInputs(b, ports, [batch, length]), part, config)),
    }))
    return { ...embedder, ...(isOpen ? { notes: [BLOCKS_STAY] } : {}) }
  },
  answer: readAnswer,
})

const oneOrMany = (lengths: readonly number[]): number | readonly number[] => (lengths.length === 1 ? (lengths[0] as number) : lengths)
