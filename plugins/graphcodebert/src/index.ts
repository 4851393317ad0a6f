import {
  type Builder,
  definePlugin,
  encoderModel,
  encoderOptions,
  errors,
  featureExtraction,
  ids,
  mask,
  sentenceOptions,
  separatedBytePairs,
  tokenInputs,
  type Value,
} from '@silane/core'
import { bertWeights } from '@silane/plugin-bert/model'
import { readGraphCodeBertConfig } from './config.ts'
import { encode, encodeDataFlow, pool } from './model.ts'
import { dataFlowSamples } from './samples.ts'

/** Nodes take no position of their own, so code and nodes may be longer than the model's positions: as far as fp16 counts exactly. */
const LONGEST_WITH_NODES = 2048

const SHARED =
  'config.json does not tell GraphCodeBERT from RoBERTa: this plugin was chosen by --plugin or --option dataflow. ' +
  'Without data flow both compute the same.'

/** GraphCodeBERT: vectors of code, from its tokens alone or together with its data flow graph. */
export default definePlugin({
  id: 'graphcodebert',
  spare: ['lm_head', 'classifier', 'qa_outputs', 'pooler', 'embeddings.position_ids', 'embeddings.token_type_ids'],
  tasks: { RobertaModel: 'feature-extraction' },
  options: {
    ...encoderOptions,
    ...sentenceOptions,
    dataflow: { type: 'boolean', default: false, doc: 'read the data flow graph: position_idx, and an attention_mask [B, S, S]' },
  },
  load: ({ checkpoint, options }) => {
    const { batch, dataflow } = options
    if (dataflow && options['truncate-dim'] !== undefined)
      throw errors.E_OPTION({ option: 'truncate-dim', problem: 'with dataflow there is no vector of modules of sentence-transformers' })
    const features = dataflow ? undefined : featureExtraction(checkpoint, options)
    const config = readGraphCodeBertConfig(checkpoint)
    const w = bertWeights(checkpoint, 'roberta')
    const pooled = (b: Builder, x: Value): Value | undefined => (w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined)
    const model = encoderModel(
      { checkpoint, options },
      {
        modelType: 'roberta',
        // Rows 0 … pad of the position table are not for tokens.
        positions: dataflow ? LONGEST_WITH_NODES : config.max_position_embeddings - config.pad_token_id - 1,
        build: (b, length) => {
          if (features) {
            const inputs = tokenInputs(b, { input_ids: ids(config.vocab_size), attention_mask: mask }, [batch, length])
            const x = encode(b, inputs, w, config)
            return features.outputs(b, x, inputs.attention_mask, pooled(b, x))
          }
          const inputs = {
            input_ids: b.input('input_ids', 'int32', [batch, length], ids(config.vocab_size)),
            position_idx: b.input('position_idx', 'int32', [batch, length], { role: 'positions', below: config.max_position_embeddings }),
            attention_mask: b.input('attention_mask', 'int32', [batch, length, length], mask),
          }
          // Every place counts, padding too: what a row without any key gives is part of the model.
          const x = encodeDataFlow(b, inputs, w, config)
          const vector = pooled(b, x)
          return vector ? { last_hidden_state: x, pooler_output: vector } : { last_hidden_state: x }
        },
        options: { dataflow },
        tokenizers: [separatedBytePairs(['RobertaTokenizer'], {})],
        notes: [SHARED],
        features,
      },
    )
    if (!dataflow) return model
    const lengths = model.programs[0]?.functions.map(graph => graph.inputs[0]?.type.shape[1] as number) ?? []
    return { ...model, samples: { model: lengths.flatMap(length => dataFlowSamples(batch, length, config)) } }
  },
})
