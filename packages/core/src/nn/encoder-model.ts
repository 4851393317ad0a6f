import type { Builder, Output } from '../builder.ts'
import type { Checkpoint, Json } from '../plugin/checkpoint.ts'
import { shapeOptions } from '../plugin/options.ts'
import type { SourceModel } from '../plugin/source-model.ts'
import type { TokenizerSource } from '../plugin/tokenizer-source.ts'
import { encoderProgram, sequenceLengths } from './encoder-program.ts'
import { callStep } from './ports.ts'
import type { FeatureExtraction } from './sentence-embedding.ts'

/** What shapes an encoder. */
export const encoderOptions = { seq: shapeOptions.seq, batch: shapeOptions.batch }

export interface EncoderRequest {
  readonly checkpoint: Checkpoint
  readonly options: { readonly seq: readonly number[] | undefined; readonly batch: number }
}

export interface Encoder {
  readonly modelType: string
  /** The longest sequence that the model has positions for. */
  readonly positions: number
  /** The outputs for sequences of one length. */
  readonly build: (b: Builder, length: number) => Readonly<Record<string, Output>>
  /** Own options as resolved, for the manifest. */
  readonly options?: Readonly<Record<string, Json>>
  readonly tokenizers?: readonly TokenizerSource[]
  readonly notes?: readonly string[]
  /** Where `build` gives what feature extraction gives. */
  readonly features?: FeatureExtraction | undefined
}

/** The one program `model` of an encoder, with a function per length, and what the manifest says about it. */
export function encoderModel({ checkpoint, options: { seq, batch } }: EncoderRequest, encoder: Encoder): SourceModel {
  const { features } = encoder
  const lengths = sequenceLengths(seq, checkpoint, encoder.positions)
  const program = encoderProgram(lengths, encoder.build)
  return {
    modelType: encoder.modelType,
    programs: [program],
    pipeline: { kind: 'encoder', steps: [callStep(program)] },
    options: { seq: lengths.length === 1 ? (lengths[0] as number) : [...lengths], batch, ...encoder.options, ...features?.options },
    ...(encoder.tokenizers ? { tokenizers: encoder.tokenizers } : {}),
    notes: [...(encoder.notes ?? []), ...(features?.notes ?? [])],
    ...(features?.sentence === undefined ? {} : { sentence: features.sentence }),
  }
}
