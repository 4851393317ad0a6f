import {
  bytePairs,
  cachedDecoder,
  decoderOptions,
  definePlugin,
  encoderModel,
  encoderOptions,
  featureExtraction,
  forTasks,
  ids,
  labelCount,
  lastToken,
  mask,
  prefixed,
  project,
  sentenceOptions,
  type TiedNames,
  tokenAt,
  tokenInputs,
  Weights,
} from '@silane/core'
import { block, embed, embedSequence, encode, finalNorm, type Gpt2Config, readGpt2Config, vocabulary } from './model.ts'

const tied = ({ tie_word_embeddings }: Gpt2Config): readonly TiedNames[] => (tie_word_embeddings ? [['wte.weight', 'lm_head.weight']] : [])

/** GPT-2 and its relatives: generation with a key/value cache, features, sequence classification. */
export default definePlugin({
  id: 'gpt2',
  spare: ['attn.bias', 'attn.masked_bias', 'lm_head', 'multiple_choice_head', 'score', 'classifier', 'qa_outputs'],
  tasks: {
    GPT2LMHeadModel: 'text-generation',
    GPT2Model: 'feature-extraction',
    GPT2ForSequenceClassification: 'text-classification',
    GPT2DoubleHeadsModel: 'text-generation',
  },
  options: {
    ...decoderOptions(['text-generation']),
    ...forTasks(['feature-extraction', 'text-classification'], encoderOptions),
    ...sentenceOptions,
  },
  tied: ({ checkpoint }) => tied(readGpt2Config(checkpoint)),
  load: ({ checkpoint, task, options }) => {
    const tokenizers = [bytePairs(['GPT2Tokenizer'])]
    const config = readGpt2Config(checkpoint)
    const w = new Weights(checkpoint, { candidates: prefixed(['', 'transformer.']), tied: tied(config) })
    if (task === 'text-generation') {
      const {
        program,
        step,
        options: resolved,
      } = cachedDecoder(options, {
        layers: config.n_layer,
        channels: config.n_embd,
        positions: config.n_positions,
        entry: { vocabulary: config.vocab_size },
        embed: (b, tokens, positions) => embed(b, tokens, positions, w, config),
        layer: (b, x, layer, attention) => block(b, x, attention, w, config, layer),
        logits: (b, x) => project(b, finalNorm(b, x, w, config), vocabulary(w, config), undefined),
      })
      return { modelType: 'gpt2', programs: [program], pipeline: { kind: 'decoder', steps: [step] }, options: { ...resolved }, tokenizers }
    }
    const features = task === 'feature-extraction' ? featureExtraction(checkpoint, options) : undefined
    // The cache-free program: last hidden states, or the scores of classes for the last token that is not padding.
    return encoderModel(
      { checkpoint, options },
      {
        modelType: 'gpt2',
        positions: config.n_positions,
        tokenizers,
        build: (b, length) => {
          const inputs = tokenInputs(b, { input_ids: ids(config.vocab_size), attention_mask: mask }, [options.batch, length])
          const x = encode(b, embedSequence(b, inputs.input_ids, w, config), inputs.attention_mask, w, config)
          if (features) return features.outputs(b, x, inputs.attention_mask)
          const last = tokenAt(b, x, lastToken(b, inputs.input_ids, config.pad_token_id))
          const score = w.tensor('score.weight', [labelCount(checkpoint), config.n_embd])
          return { logits: b.in('score', () => project(b, last, score, undefined)) }
        },
        features,
      },
    )
  },
})
