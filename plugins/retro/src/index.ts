import {
  Builder,
  callStep,
  definePlugin,
  errors,
  type Graph,
  ids,
  type Program,
  prefixed,
  sequenceLength,
  shapeOptions,
  Weights,
} from '@silane/core'
import { logits, readRetroConfig } from './model.ts'

export { type Continue, generate, type Programs, type RetroDeployment } from './generate.ts'

/** What training retrieves (`knn`, in the author's example). */
const NEIGHBORS = 2

/** RETRO: text generation over chunks for which neighbours are retrieved. */
export default definePlugin({
  id: 'retro',
  spare: ['encoder', 'encoder_decoder', 'cross_attn', 'decoder.layers.*.1.norm', 'inv_freq'],
  tasks: { RETRO: 'text-generation' },
  options: {
    seq: shapeOptions.seq,
    retrieval: { type: 'boolean', default: true, doc: 'neighbours as an input, `retrieved`' },
    neighbors: { type: 'integer', minimum: 1, doc: 'neighbours per chunk; default 2' },
    'neighbor-length': { type: 'integer', minimum: 1, doc: 'tokens of a neighbour and what follows it; default two chunks' },
    'chunk-size': { type: 'integer', minimum: 1, doc: 'tokens of a chunk, as in training: no weight tells' },
    'pad-id': { type: 'integer', doc: 'the id of padding in neighbours; default 0' },
    'enc-scale-residual': { type: 'number', doc: 'with use_deepnet, where training set it' },
    'dec-scale-residual': { type: 'number', doc: 'with use_deepnet, where training set it' },
  },
  load: ({ checkpoint, options }) => {
    const config = readRetroConfig(checkpoint, options)
    const w = new Weights(checkpoint, { candidates: prefixed([config.prefix]) })
    const seq = sequenceLength(options.seq, checkpoint, config.positions)
    const { chunkSize } = config
    const asked = options.retrieval
    if (asked && chunkSize === undefined)
      throw errors.E_OPTION({
        option: 'chunk-size',
        problem: 'neither config.json nor a weight says how many tokens a chunk has',
        next: 'Give the `chunk_size` of training, as with --option chunk-size=64, or --option retrieval=false.',
      })
    for (const option of ['neighbors', 'neighbor-length'] as const)
      if (!asked && options[option] !== undefined) throw errors.E_OPTION({ option, problem: 'without retrieval there are no neighbours' })
    const neighbors = options.neighbors ?? NEIGHBORS
    const neighborLength = options['neighbor-length'] ?? 2 * (chunkSize ?? 0)
    if (asked && neighborLength < (chunkSize ?? 0))
      throw errors.E_OPTION({ option: 'neighbor-length', problem: `${neighborLength} is less than a chunk of ${chunkSize}` })

    const chunks = chunkSize === undefined ? 0 : Math.floor(seq / chunkSize)
    const retrieval = asked && chunks > 0
    const build = (name: string, withNeighbors: boolean): Graph => {
      const b = new Builder(name)
      const port = ids(config.vocabulary)
      const inputIds = b.input('input_ids', 'int32', [1, seq], port)
      const retrieved = withNeighbors ? b.input('retrieved', 'int32', [1, chunks, neighbors, neighborLength], port) : undefined
      return b.finish({ logits: logits(b, inputIds, retrieved, w, config) })
    }
    const program: Program = {
      name: 'model',
      functions: retrieval ? [build('main', true), build('without_retrieval', false)] : [build('main', false)],
    }
    const short =
      asked && !retrieval
        ? [`${seq} tokens are less than a chunk of ${chunkSize}: nothing is retrieved for them, and there is no input for it`]
        : []
    return {
      modelType: 'retro',
      programs: [program],
      pipeline: { kind: 'retrieval', steps: [callStep(program)] },
      options: {
        seq,
        retrieval,
        ...(chunkSize === undefined ? {} : { 'chunk-size': chunkSize }),
        ...(retrieval ? { neighbors, 'neighbor-length': neighborLength } : {}),
        'pad-id': config.padId,
        ...(config.postNorm
          ? { 'enc-scale-residual': config.encoder.scaleResidual, 'dec-scale-residual': config.decoder.scaleResidual }
          : {}),
      },
      notes: [...config.notes, ...short],
    }
  },
})
