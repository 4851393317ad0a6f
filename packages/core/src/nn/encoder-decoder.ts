import type { Builder } from '../builder.ts'
import type { Program, Value } from '../graph/graph.ts'
import type { Checkpoint, Json } from '../plugin/checkpoint.ts'
import type { Step } from '../plugin/pipeline.ts'
import { type CachedDecoder, cachedDecoder } from './cached-decoder.ts'
import { mainProgram, sequenceLength } from './encoder-program.ts'
import { encoderStep, ids, mask, perToken, tokenInputs } from './ports.ts'

export interface EncoderDecoderRequest {
  readonly checkpoint: Checkpoint
  readonly options: {
    readonly seq: readonly number[] | undefined
    readonly context: number | undefined
    readonly prefill: number | undefined
    readonly kv: 'io' | 'state'
  }
}

/** A text encoder and a decoder that attends to it, both over one vocabulary. */
export interface EncoderDecoder extends Omit<CachedDecoder, 'entry' | 'cross' | 'positions'> {
  readonly vocabulary: number
  /** The longest sequence that both have positions for; infinite for models without a limit. */
  readonly positions: number
  /** Last hidden states. inputIds, attentionMask int32 [1, S] → [1, S, C] */
  encode(b: Builder, inputIds: Value, attentionMask: Value): Value
  /** Keys and values of every decoder layer. encoded [1, S, C] → two [L, channels, 1, S] */
  crossed(b: Builder, encoded: Value): { readonly cross_key: Value; readonly cross_value: Value }
}

export interface BuiltEncoderDecoder {
  /** Tokens that the encoder reads. */
  readonly seq: number
  readonly programs: readonly [encoder: Program, decoder: Program]
  readonly steps: readonly Step[]
  /** What shaped them, as resolved, for the manifest. */
  readonly options: Readonly<Record<string, Json>>
}

/** The programs `encoder` and `decoder`, as the deployment contract names them, and the steps that drive them. Throws E_OPTION. */
export function encoderDecoder({ checkpoint, options }: EncoderDecoderRequest, model: EncoderDecoder): BuiltEncoderDecoder {
  const { vocabulary, positions } = model
  const length = sequenceLength(options.seq, checkpoint, positions)
  const encoder = mainProgram('encoder', b => {
    const inputs = tokenInputs(b, { input_ids: ids(vocabulary), attention_mask: mask }, [1, length])
    const x = model.encode(b, inputs.input_ids, inputs.attention_mask)
    return { last_hidden_state: perToken(x), ...model.crossed(b, x) }
  })
  const decoder = cachedDecoder(options, {
    ...model,
    positions: Number.isFinite(positions) ? positions : undefined,
    entry: { vocabulary },
    cross: { length, mask: true },
  })
  return {
    seq: length,
    programs: [encoder, decoder.program],
    steps: [encoderStep(encoder), decoder.step],
    options: { seq: length, ...decoder.options },
  }
}
