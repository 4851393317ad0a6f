import {
  backbonePrefixes,
  definePlugin,
  encoderFeatures,
  encoderInputs,
  encoderModel,
  type LoadRequest,
  names,
  prefixed,
  type SourceModel,
  spelled,
  tensorFlowNorms,
  type Value,
  Weights,
} from '@silane/core'
import { readGraphCodeBertConfig } from './config.ts'
import { encode, encodeDataFlow, pool } from './model.ts'
import { dataFlowSamples } from './samples.ts'

const tasks = { RobertaModel: 'feature-extraction' } as const

/** Nodes take no position of their own, so code and nodes may be longer than the model's positions: as far as fp16 counts exactly. */
const LONGEST_WITH_NODES = 2048

function load(request: LoadRequest): SourceModel {
  const { checkpoint, batch } = request
  const config = readGraphCodeBertConfig(checkpoint)
  const w = new Weights(checkpoint, { candidates: names(spelled(tensorFlowNorms), prefixed(backbonePrefixes('roberta'))) })
  const dataflow = request.options.dataflow === true
  const model = encoderModel(request, {
    modelType: 'roberta',
    tasks,
    // Rows 0 … pad of the position table are not for tokens.
    positions: dataflow ? LONGEST_WITH_NODES : config.max_position_embeddings - config.pad_token_id - 1,
    build: (b, length, task) => {
      const pooled = (x: Value): Value | undefined => (w.has('pooler.dense.weight') ? pool(b, x, w, config) : undefined)
      if (!dataflow) {
        const inputs = encoderInputs(b, ['input_ids', 'attention_mask'], length, task, request)
        const x = encode(b, inputs, w, config)
        return encoderFeatures(b, x, inputs.attention_mask, checkpoint, pooled(x))
      }
      const inputs = {
        input_ids: b.input('input_ids', 'int32', [batch, length]),
        position_idx: b.input('position_idx', 'int32', [batch, length]),
        attention_mask: b.input('attention_mask', 'int32', [batch, length, length]),
      }
      const x = encodeDataFlow(b, inputs, w, config)
      const vector = pooled(x)
      return vector ? { last_hidden_state: x, pooler_output: vector } : { last_hidden_state: x }
    },
    options: { dataflow },
    notes: [SHARED],
  })
  if (!dataflow) return model
  // Every place counts in the comparison, padding too: what a row without any key gives is part of the model.
  const lengths = [model.options.seq].flat() as number[]
  return { ...model, valid: {}, samples: { model: lengths.flatMap(length => dataFlowSamples(batch, length, config)) } }
}

const SHARED =
  'config.json does not tell GraphCodeBERT from RoBERTa: this plugin was chosen by --plugin or --option dataflow. ' +
  'Without data flow both compute the same.'

/** GraphCodeBERT: vectors of code, from its tokens alone or together with its data flow graph. */
export default definePlugin({
  id: 'graphcodebert',
  options: {
    dataflow: { type: 'boolean', default: false, doc: 'read the data flow graph: position_idx, and an attention_mask [B, S, S]' },
  },
  load,
})
