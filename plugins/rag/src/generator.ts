import {
  type BuiltEncoderDecoder,
  type EncoderDecoder,
  type EncoderDecoderRequest,
  encoderDecoder,
  prefixed,
  type TiedNames,
  Weights,
} from '@silane/core'
import * as bart from '@silane/plugin-bart/model'
import * as t5 from '@silane/plugin-t5/model'
import type { RagConfig } from './config.ts'

/** Where the generator's tensors stand: in the classes with a head, and in `RagModel`. */
const prefixes: readonly string[] = ['rag.generator.', 'generator.']

/** What the generator has under several names. */
export const tiedNames = ({ generator: { type, config } }: RagConfig): readonly TiedNames[] =>
  type === 'bart' ? bart.tied(config) : t5.tied

/** The programs of the generator. A context is as long as the configuration's `max_combined_length`, unless somebody asks otherwise. */
export function generatorPrograms({ checkpoint, options }: EncoderDecoderRequest, config: RagConfig): BuiltEncoderDecoder {
  const model = generator(checkpoint, config)
  const seq = options.seq ?? [Math.min(config.max_combined_length, model.positions)]
  return encoderDecoder({ checkpoint, options: { ...options, seq } }, model)
}

function generator(checkpoint: EncoderDecoderRequest['checkpoint'], { generator: { type, config } }: RagConfig): EncoderDecoder {
  if (type === 'bart') return bart.generator(bart.bartWeights(checkpoint, config, prefixes), config)
  const w = new Weights(checkpoint, { candidates: prefixed(prefixes), tied: t5.tied })
  return t5.generator(w, t5.t5Model(w, config))
}
