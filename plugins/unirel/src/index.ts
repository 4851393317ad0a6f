import {
  backbonePrefixes,
  definePlugin,
  encoderInputs,
  encoderModel,
  errors,
  type LoadRequest,
  names,
  prefixed,
  type SourceModel,
  spelled,
  tensorFlowNorms,
  Weights,
} from '@silane/core'
import { readUniRelConfig } from './config.ts'
import { interactions } from './model.ts'
import { scaleIntoQuery } from './scale-into-query.ts'

export { type DecodingOptions, decodeTriples, type ScoreMaps, type Span, type Triple } from './decode-triples.ts'

const tasks = { UniRelModel: 'relation-extraction' } as const

/** Places of the text unless `--seq` says otherwise: what UniRel's own predict.py pads to. */
const TEXT_LENGTH = 128

function load(request: LoadRequest): SourceModel {
  const config = readUniRelConfig(request.checkpoint)
  const { num_rels, threshold, max_position_embeddings } = config
  const w = new Weights(request.checkpoint, { candidates: names(spelled(tensorFlowNorms), prefixed(backbonePrefixes('bert'))) })
  const seq = request.seq ?? [Math.min(TEXT_LENGTH + num_rels, max_position_embeddings)]
  for (const length of seq) {
    if (length > num_rels) continue
    throw errors.E_OPTION({ option: '--seq', problem: `${length} leaves no room for text before the ${num_rels} relations` })
  }
  const model = encoderModel(
    { ...request, seq },
    {
      modelType: 'bert',
      tasks,
      positions: max_position_embeddings,
      build: (b, length, task) => {
        const inputs = encoderInputs(b, ['input_ids', 'attention_mask', 'token_type_ids'], length, task, request)
        return interactions(b, inputs, w, config)
      },
    },
  )
  return { ...model, pipeline: { ...model.pipeline, relations: num_rels, threshold } }
}

/** UniRel: the interaction maps of a text with relations. `decodeTriples` reads them. */
export default definePlugin({
  id: 'unirel',
  load,
  rewrite: ({ name }) => (name === 'coreml' ? { rules: [scaleIntoQuery] } : {}),
})
