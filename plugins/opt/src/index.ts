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
  tokenAt,
  tokenInputs,
  Weights,
} from '@silane/core'
import { embed, embedWords, encode, finish, layer, readOptConfig, tied, vocabulary } from './model.ts'

/** OPT: generation with a key/value cache, features, sequence classification. */
export default definePlugin({
  id: 'opt',
  spare: ['lm_head', 'score', 'qa_outputs'],
  tasks: {
    OPTForCausalLM: 'text-generation',
    OPTModel: 'feature-extraction',
    OPTForSequenceClassification: 'text-classification',
  },
  options: {
    ...decoderOptions(['text-generation']),
    ...forTasks(['feature-extraction', 'text-classification'], encoderOptions),
    ...sentenceOptions,
  },
  tied: ({ checkpoint }) => tied(readOptConfig(checkpoint)),
  load: ({ checkpoint, task, options }) => {
    const tokenizers = [bytePairs(['GPT2Tokenizer'])]
    const config = readOptConfig(checkpoint)
    const head = new Weights(checkpoint, { candidates: prefixed(['', 'model.']), tied: tied(config) })
    const w = head.at('decoder')
    if (task === 'text-generation') {
      const decoder = cachedDecoder(options, {
        layers: config.num_hidden_layers,
        channels: config.hidden_size,
        positions: config.max_position_embeddings,
        entry: { vocabulary: config.vocab_size },
        embed: (b, tokens, positions) => embed(b, embedWords(b, tokens, w, config), positions, w, config),
        layer: (b, x, index, attention) => layer(b, x, index, attention, w, config),
        logits: (b, x) => project(b, finish(b, x, w, config), vocabulary(head, config), undefined),
      })
      return {
        modelType: 'opt',
        programs: [decoder.program],
        pipeline: { kind: 'decoder', steps: [decoder.step] },
        options: { ...decoder.options },
        tokenizers,
      }
    }
    const features = task === 'feature-extraction' ? featureExtraction(checkpoint, options) : undefined
    return encoderModel(
      { checkpoint, options },
      {
        modelType: 'opt',
        positions: config.max_position_embeddings,
        tokenizers,
        build: (b, length) => {
          const inputs = tokenInputs(b, { input_ids: ids(config.vocab_size), attention_mask: mask }, [options.batch, length])
          const x = encode(b, inputs.input_ids, inputs.attention_mask, w, config)
          if (features) return features.outputs(b, x, inputs.attention_mask)
          const last = tokenAt(b, x, lastToken(b, inputs.input_ids, config.pad_token_id))
          const score = head.tensor('score.weight', [labelCount(checkpoint), config.word_embed_proj_dim])
          return { logits: b.in('score', () => project(b, last, score, undefined)) }
        },
        features,
      },
    )
  },
})
