import {
  answerSpan,
  type Builder,
  backbonePrefixes,
  type Checkpoint,
  embedding,
  firstRows,
  layerNorm,
  linear,
  maskedLanguageModelHead,
  type NamePair,
  names,
  type PostNormConfig,
  type PostNormNames,
  pooler,
  postNormLayer,
  prefixed,
  spelled,
  type TiedNames,
  type Value,
  Weights,
} from '@silane/core'
import type { BertConfig } from './config.ts'

export { type BertConfig, readBertConfig } from './config.ts'

/**
 * The encoder of Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018), as transformers'
 * `modeling_bert.py` computes it. Shapes: B batch, S tokens, C hidden, V vocabulary.
 */
export interface BertInputs {
  /** int32 [B, S] */
  readonly input_ids: Value
  /** int32 [B, S], 1 for a token, 0 for padding */
  readonly attention_mask: Value
  /** int32 [B, S] */
  readonly token_type_ids: Value
}

/** Norm parameters as TensorFlow names them; checkpoints converted from there still do. */
const tensorFlowNorms: readonly NamePair[] = [
  ['LayerNorm.weight', 'LayerNorm.gamma'],
  ['LayerNorm.bias', 'LayerNorm.beta'],
]

/**
 * The tensors of BERT and of its relatives: bare or below the backbone's name (`bert`, `roberta` …), inside wrappers, or below one of the
 * prefixes where these are given in its place; with the names of TensorFlow's norms.
 */
export function bertWeights(checkpoint: Checkpoint, backbone: string | readonly string[], tied: readonly TiedNames[] = []): Weights {
  const prefixes = typeof backbone === 'string' ? backbonePrefixes(backbone) : backbone
  return new Weights(checkpoint, { candidates: names(spelled(tensorFlowNorms), prefixed(prefixes)), tied })
}

/**
 * The tensors that a head for masked words has under two names. Its bias was one parameter before transformers 5, whatever the
 * configuration, and is read as that of the product; the matrix is the word embeddings where the configuration ties it.
 */
export const tiedWords = (head: string, { tie_word_embeddings }: { readonly tie_word_embeddings: boolean }): readonly TiedNames[] => [
  [`${head}.bias`, `${head}.decoder.bias`],
  ...(tie_word_embeddings ? [['embeddings.word_embeddings.weight', `${head}.decoder.weight`]] : []),
]

export interface BertEmbeddings {
  readonly vocabulary: number
  readonly types: number
  /** Rows of the position table; undefined where positions enter elsewhere, and none is added. */
  readonly positions: number | undefined
  readonly width: number
  readonly epsilon: number
}

/** LN(word + segment + position), the position of a token being its place. [B, S] → [B, S, width] (transformers `BertEmbeddings`) */
export function bertEmbeddings(b: Builder, ids: Value, types: Value, w: Weights, config: BertEmbeddings): Value {
  const { width } = config
  const words = embedding(b, ids, w.at('word_embeddings'), config.vocabulary, width)
  const segments = embedding(b, types, w.at('token_type_embeddings'), config.types, width)
  let x = b.add({ x: words, y: segments })
  if (config.positions !== undefined) {
    x = b.add({ x, y: firstRows(b, w.at('position_embeddings'), config.positions, width, ids.type.shape[1] as number) })
  }
  return layerNorm(b, x, w.at('LayerNorm'), config.epsilon)
}

/** Where a layer of BERT keeps its modules. */
export const bertLayerNames: PostNormNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  attentionOutput: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
  distance: 'attention.self.distance_embedding',
}

/** What a layer takes from a config.json with BERT's keys. */
export type BertLayerKeys = Pick<
  BertConfig,
  | 'hidden_size'
  | 'num_attention_heads'
  | 'intermediate_size'
  | 'hidden_act'
  | 'layer_norm_eps'
  | 'position_embedding_type'
  | 'max_position_embeddings'
  | 'pruned_heads'
>

/** The sizes of the layer with this number, and BERT's names for its modules. */
export const bertLayer = (config: BertLayerKeys, index: number): PostNormConfig => ({
  hidden: config.hidden_size,
  heads: config.num_attention_heads - (config.pruned_heads[index]?.length ?? 0),
  headSize: config.hidden_size / config.num_attention_heads,
  intermediate: config.intermediate_size,
  activation: config.hidden_act,
  epsilon: config.layer_norm_eps,
  positions: config.position_embedding_type,
  maxPositions: config.max_position_embeddings,
  names: bertLayerNames,
})

/** Last hidden states [B, S, C]. */
export function encode(b: Builder, inputs: BertInputs, w: Weights, config: BertConfig): Value {
  let x = bertEmbeddings(b, inputs.input_ids, inputs.token_type_ids, w.at('embeddings'), {
    vocabulary: config.vocab_size,
    types: config.type_vocab_size,
    // Relative positions enter the attention instead.
    positions: config.position_embedding_type === 'absolute' ? config.max_position_embeddings : undefined,
    width: config.hidden_size,
    epsilon: config.layer_norm_eps,
  })
  for (let i = 0; i < config.num_hidden_layers; i++) {
    x = postNormLayer(b, x, { keyMask: inputs.attention_mask }, w.at('encoder.layer').at(i), bertLayer(config, i))
  }
  return x
}

/** The pooled first token [B, C]. */
export const pool = (b: Builder, x: Value, w: Weights, config: BertConfig): Value => pooler(b, x, w.at('pooler.dense'), config.hidden_size)

/** Scores over the vocabulary [B, S, V]. */
export function predictWords(b: Builder, x: Value, w: Weights, config: BertConfig): Value {
  const { vocab_size, hidden_size } = config
  const head = w.at('cls.predictions')
  return b.in(head.path, () =>
    maskedLanguageModelHead(b, x, {
      dense: head.at('transform.dense'),
      norm: head.at('transform.LayerNorm'),
      activation: config.hidden_act,
      epsilon: config.layer_norm_eps,
      table: head.tensor('decoder.weight', [vocab_size, hidden_size]),
      bias: head.tensor('decoder.bias', [vocab_size]),
    }),
  )
}

/** Whether the second sentence follows the first [B, 2]; class 0 says yes. */
export const predictNextSentence = (b: Builder, pooled: Value, w: Weights): Value => linear(b, pooled, w.at('cls.seq_relationship'), 2)

/** Scores of classes over the pooled first token or over every token. */
export const classify = (b: Builder, x: Value, w: Weights, labels: number): Value => linear(b, x, w.at('classifier'), labels)

/** Scores of an answer's first and last token [B, S]. */
export const findAnswer = (b: Builder, x: Value, w: Weights): ReturnType<typeof answerSpan> => answerSpan(b, x, w.at('qa_outputs'))
