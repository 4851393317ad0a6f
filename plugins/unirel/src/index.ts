import { definePlugin, encoderModel, encoderOptions, errors, ids, mask, segments, tokenInputs, wordPieces } from '@silane/core'
import { bertWeights } from '@silane/plugin-bert/model'
import { readUniRelConfig } from './config.ts'
import { interactions } from './model.ts'
import { scaleIntoQuery } from './scale-into-query.ts'

export { type DecodingOptions, decodeTriples, type ScoreMaps, type Span, type Triple } from './decode-triples.ts'

/** Places of the text unless `--seq` says otherwise: what UniRel's own predict.py pads to. */
const TEXT_LENGTH = 128

/** UniRel: the interaction maps of a text with relations. `decodeTriples` reads them. */
export default definePlugin({
  id: 'unirel',
  spare: [
    'pooler',
    'embeddings.position_ids',
    'encoder.layer.*.attention.self.value',
    'encoder.layer.*.attention.output',
    'encoder.layer.*.intermediate',
    'encoder.layer.*.output',
  ],
  tasks: { UniRelModel: 'relation-extraction' },
  options: encoderOptions,
  load: ({ checkpoint, options }) => {
    const config = readUniRelConfig(checkpoint)
    const { num_rels, threshold, max_position_embeddings } = config
    const w = bertWeights(checkpoint, 'bert')
    const seq = options.seq ?? [Math.min(TEXT_LENGTH + num_rels, max_position_embeddings)]
    for (const length of seq) {
      if (length > num_rels) continue
      throw errors.E_OPTION({ option: '--seq', problem: `${length} leaves no room for text before the ${num_rels} relations` })
    }
    const ports = { input_ids: ids(config.vocab_size), attention_mask: mask, token_type_ids: segments(config.type_vocab_size) }
    const model = encoderModel(
      { checkpoint, options: { ...options, seq } },
      {
        modelType: 'bert',
        tokenizers: [wordPieces(['BertTokenizer'])],
        positions: max_position_embeddings,
        build: (b, length) => interactions(b, tokenInputs(b, ports, [options.batch, length]), w, config),
      },
    )
    return { ...model, pipeline: { ...model.pipeline, relations: num_rels, threshold } }
  },
  rewrite: ({ name }) => (name === 'coreml' ? { rules: [scaleIntoQuery] } : {}),
})
