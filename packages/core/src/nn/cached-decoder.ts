import { Builder } from '../builder.ts'
import { errors } from '../errors.ts'
import type { Program, Value } from '../graph/graph.ts'
import { forTasks, shapeOptions } from '../plugin/options.ts'
import type { DecodeStep, Placeholders } from '../plugin/pipeline.ts'
import { CrossCache, type DecoderAttention, DecoderCache } from './decoder-cache.ts'
import { ids, mask } from './ports.ts'

/** What shapes a decoder with a cache, for the tasks that have one. */
export const decoderOptions = <const T extends readonly string[]>(tasks: T) =>
  forTasks(tasks, { context: shapeOptions.context, prefill: shapeOptions.prefill, kv: shapeOptions.kv })

/** Cache slots come in multiples of 32: fp16 rows of 64 bytes, and what the ANE asks of a state's last axis. */
const SLOT_UNIT = 32
const LONGEST_DEFAULT = 1024
const DEFAULT_PREFILL = 64

export interface DecoderSizes {
  /** Cache slots N. */
  readonly context: number
  /** Tokens per prefill call P. */
  readonly prefill: number
}

interface DecoderRequest {
  readonly context: number | undefined
  readonly prefill: number | undefined
  readonly kv: 'io' | 'state'
}

/** The cache slots and the prefill length. `positions` is undefined for models without a limit. Throws E_OPTION and E_UNSUPPORTED. */
export function decoderSizes(asked: Omit<DecoderRequest, 'kv'>, positions: number | undefined): DecoderSizes {
  const most = positions ?? Number.POSITIVE_INFINITY
  if (most < SLOT_UNIT)
    throw errors.E_UNSUPPORTED({
      what: `The model has ${most} positions; a decoder's cache has ${SLOT_UNIT} slots at least.`,
      next: 'What reads whole sequences of it can be converted: --task feature-extraction, where the family has it.',
    })
  const context = asked.context ?? Math.floor(Math.min(most, LONGEST_DEFAULT) / SLOT_UNIT) * SLOT_UNIT
  const problem = (option: string, text: string) => errors.E_OPTION({ option, problem: text })
  if (context < SLOT_UNIT || context % SLOT_UNIT !== 0) throw problem('--context', `${context} is not a multiple of ${SLOT_UNIT}`)
  if (context > most) throw problem('--context', `${context} is more than the model's ${most} positions`)
  const prefill = asked.prefill ?? Math.min(DEFAULT_PREFILL, context)
  if (prefill < 1 || prefill > context) throw problem('--prefill', `${prefill} is not between 1 and the context of ${context}`)
  return { context, prefill }
}

/** A decoder over a cache, described once for any number of new tokens S. */
export interface CachedDecoder {
  readonly layers: number
  /** heads · head size: the channels of a key and of a value. */
  readonly channels: number
  /** The longest sequence that the model has positions for; undefined for models without a limit. */
  readonly positions: number | undefined
  /** New tokens come as ids below this, or as vectors that another program makes of ids, but for placeholders. */
  readonly entry: { readonly vocabulary: number } | { readonly width: number; readonly from: string; readonly place?: Placeholders }
  /** Attention to another program's tokens: how many there are, and whether a mask tells which of them count. */
  readonly cross?: { readonly length: number; readonly channels?: number; readonly mask: boolean }
  /** What the first layer reads. entry: ids int32 [1, S] or vectors [1, S, width]; positions int32 [1, S] → [1, S, C] */
  embed(b: Builder, entry: Value, positions: Value): Value
  /** [1, S, C] → [1, S, C] */
  layer(
    b: Builder,
    x: Value,
    layer: number,
    attention: DecoderAttention,
    cache: { readonly positions: Value; readonly slots: number },
  ): Value
  /** Scores over the vocabulary. [1, S, C] → [1, S, V] */
  logits(b: Builder, x: Value): Value
}

/** A program, the step that drives it, and what the manifest says of its shape. */
export interface BuiltDecoder {
  readonly program: Program
  readonly step: DecodeStep
  readonly options: DecoderSizes & { readonly kv: 'io' | 'state' }
}

/** The program `decoder` with its functions `prefill` and `step`, as the deployment contract names them. Throws E_OPTION. */
export function cachedDecoder({ kv, ...asked }: DecoderRequest, decoder: CachedDecoder): BuiltDecoder {
  const sizes = decoderSizes(asked, decoder.positions)
  const { context, prefill } = sizes
  const { entry, layers, channels, cross } = decoder
  const build = (name: string, tokens: number) => {
    const b = new Builder(name)
    const start =
      'vocabulary' in entry
        ? b.input('input_ids', 'int32', [1, tokens], ids(entry.vocabulary))
        : b.input('inputs_embeds', 'fp32', [1, tokens, entry.width], { role: 'vectors' })
    const positions = b.input('position_ids', 'int32', [1, tokens], { role: 'positions', below: context })
    const own = new DecoderCache(b, positions, { layers, channels, context, kv })
    const crossed = cross && declareCross(b, layers, { channels, ...cross })
    const attention: DecoderAttention = {
      self: (layer, projected) => own.attend(layer, projected),
      cross: (layer, projected) => {
        if (!crossed) throw new TypeError('the decoder declares no cross-attention')
        return crossed.attend(layer, projected)
      },
    }
    let x = decoder.embed(b, start, positions)
    for (let layer = 0; layer < layers; layer++) x = decoder.layer(b, x, layer, attention, { positions, slots: context })
    return b.finish({ logits: decoder.logits(b, x), ...own.outputs() })
  }
  const feeds = cross ? ['cross_key', 'cross_value', ...(cross.mask ? ['encoder_attention_mask'] : [])] : []
  return {
    program: { name: 'decoder', functions: [build('prefill', prefill), build('step', 1)] },
    step: {
      decode: ['decoder'],
      entry: 'vocabulary' in entry ? 'input_ids' : { embed: entry.from, ...(entry.place ? { place: entry.place } : {}) },
      feeds: Object.fromEntries(feeds.map(name => [name, name])),
    },
    options: { ...sizes, kv },
  }
}

function declareCross(b: Builder, layers: number, cross: { readonly length: number; readonly channels: number; readonly mask: boolean }) {
  const shown = cross.mask ? b.input('encoder_attention_mask', 'int32', [1, cross.length], mask) : undefined
  return new CrossCache(b, { layers, ...cross }, shown)
}
