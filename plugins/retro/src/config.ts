import { type Checkpoint, errors, limits, nearest, readConfig } from '@silane/core'
import * as z from 'zod'

/** How many heads every attention has: the constructor takes `heads` and hands it on to nothing. */
export const HEADS = 8

/** A head has at least this many channels, and of its channels at most this many are turned by position. */
const LEAST_HEAD_SIZE = 32

const count = (most: number) => z.int().positive().max(most)

/**
 * The author's code stores no configuration. Where there is a config.json it holds arguments of the constructor (`RETRO.__init__`): some
 * are told by nothing else, and the others must agree with the weights.
 */
const schema = z.object({
  num_tokens: count(limits.vocabulary).optional(),
  max_seq_len: count(limits.positions).optional(),
  enc_dim: count(limits.width).optional(),
  enc_depth: count(limits.layers).optional(),
  enc_cross_attn_layers: z.array(z.int()).max(limits.layers).readonly().optional(),
  dec_dim: count(limits.width).optional(),
  dec_depth: count(limits.layers).optional(),
  dec_cross_attn_layers: z.array(z.int()).max(limits.layers).readonly().optional(),
  dim_head: count(limits.width).optional(),
  gated_rmsnorm: z.boolean().optional(),
  use_deepnet: z.boolean().optional(),
  heads: z.int().optional(),
  chunk_size: count(limits.positions).optional(),
  pad_id: z.int().optional(),
  enc_scale_residual: z.number().optional(),
  dec_scale_residual: z.number().optional(),
})

/** One of the two stacks of layers. */
export interface StackConfig {
  readonly width: number
  /** For each layer whether it has cross-attention. */
  readonly crossed: readonly boolean[]
  /** What the stream is multiplied with before something is added; used where norms come after the sums. */
  readonly scaleResidual: number
}

export interface RetroConfig {
  /** What tensor names begin with: `retro.` in files of the training wrapper. */
  readonly prefix: string
  readonly vocabulary: number
  readonly positions: number
  readonly headSize: number
  readonly norm: 'rms' | 'gated' | 'layer'
  /** Norms after the sums, as in DeepNet, or before attention and feed-forward layers. */
  readonly postNorm: boolean
  readonly encoder: StackConfig
  readonly decoder: StackConfig
  readonly chunkSize: number | undefined
  readonly padId: number
  /** What was said and changes nothing. */
  readonly notes: readonly string[]
}

/** What the command line says of a model that tells it nowhere. */
export interface RetroOptions {
  readonly 'chunk-size': number | undefined
  readonly 'pad-id': number | undefined
  readonly 'enc-scale-residual': number | undefined
  readonly 'dec-scale-residual': number | undefined
}

/** What the shapes of the weights, config.json and options tell together. Throws E_CONFIG, E_OPTION, E_TENSOR_MISSING and E_UNSUPPORTED. */
export function readRetroConfig(checkpoint: Checkpoint, options: RetroOptions): RetroConfig {
  const said = readConfig(checkpoint, schema)
  const told = toldByWeights(checkpoint)
  const layers = (crossed: readonly boolean[]): readonly number[] => crossed.flatMap((has, layer) => (has ? [layer + 1] : []))
  const among = (numbers: readonly number[] | undefined, depth: number | undefined): readonly number[] | undefined =>
    numbers && [...new Set(numbers)].filter(layer => layer >= 1 && layer <= (depth ?? 0)).sort((a, b) => a - b)
  const [encoderDepth, decoderDepth] = [told.encoder.crossed.length, told.decoder.crossed.length]
  const pairs: readonly (readonly [field: string, said: unknown, found: unknown])[] = [
    ['num_tokens', said.num_tokens, told.vocabulary],
    ['max_seq_len', said.max_seq_len, told.positions],
    ['enc_dim', said.enc_dim, told.encoder.width],
    ['enc_depth', said.enc_depth, encoderDepth],
    ['enc_cross_attn_layers', among(said.enc_cross_attn_layers, encoderDepth), layers(told.encoder.crossed)],
    ['dec_dim', said.dec_dim, told.decoder.width],
    ['dec_depth', said.dec_depth, decoderDepth],
    ['dec_cross_attn_layers', among(said.dec_cross_attn_layers, decoderDepth), layers(told.decoder.crossed)],
    ['dim_head', said.dim_head, told.headSize],
    ['gated_rmsnorm', said.gated_rmsnorm, told.norm === 'gated'],
    ['use_deepnet', said.use_deepnet, told.postNorm],
  ]
  for (const [field, given, found] of pairs) {
    if (given === undefined || JSON.stringify(given) === JSON.stringify(found)) continue
    const problem = `says ${JSON.stringify(given)}, the weights have ${JSON.stringify(found)}`
    throw errors.E_CONFIG({ field, problem, where: checkpoint.location })
  }
  const { postNorm } = told
  const scale = (stack: 'enc' | 'dec', standard: number): number => {
    const option = options[`${stack}-scale-residual`]
    const given = either(`${stack}-scale-residual`, option, said[`${stack}_scale_residual`])
    if (option !== undefined && !postNorm)
      throw errors.E_OPTION({
        option: `${stack}-scale-residual`,
        problem: 'this model has its norms before its layers and scales no residual',
      })
    return postNorm ? (given ?? standard) : 1
  }
  const idle = [
    ...(said.heads === undefined || said.heads === HEADS
      ? []
      : [`config.json says ${said.heads} heads; as in the original, every attention has ${HEADS}`]),
    ...(['enc_scale_residual', 'dec_scale_residual'] as const)
      .filter(key => said[key] !== undefined && !postNorm)
      .map(key => `${key} of config.json changes nothing, as in the original: norms come before the layers`),
  ]
  return {
    ...told,
    encoder: { ...told.encoder, scaleResidual: scale('enc', 0.81 * (encoderDepth ** 4 * decoderDepth) ** (1 / 16)) },
    decoder: { ...told.decoder, scaleResidual: scale('dec', (3 * decoderDepth) ** (1 / 4)) },
    chunkSize: either('chunk-size', options['chunk-size'], said.chunk_size),
    padId: either('pad-id', options['pad-id'], said.pad_id) ?? 0,
    notes: idle,
  }
}

/** An option, or what config.json says: two that differ are a mistake in one of them. */
function either(option: string, given: number | undefined, said: number | undefined): number | undefined {
  if (given !== undefined && said !== undefined && given !== said)
    throw errors.E_OPTION({ option, problem: `${given} is not the ${said} that config.json says` })
  return given ?? said
}

type Told = Omit<RetroConfig, 'encoder' | 'decoder' | 'chunkSize' | 'padId' | 'notes'> &
  Readonly<Record<'encoder' | 'decoder', Omit<StackConfig, 'scaleResidual'>>>

const prefixes = ['', 'retro.', 'module.', 'module.retro.']

function toldByWeights(checkpoint: Checkpoint): Told {
  const { location: where } = checkpoint
  const counted = prefixes.map(prefix => ({
    prefix,
    count: checkpoint.tensorNames.filter(name => name.startsWith(`${prefix}decoder.layers.`)).length,
  }))
  const { prefix } = counted.reduce((best, other) => (other.count > best.count ? other : best))
  const names = checkpoint.tensorNames.flatMap(name => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
  const some = (pattern: RegExp): boolean => names.some(name => pattern.test(name))
  const dim = (tensor: string, axis: number): number => {
    const found = checkpoint.tensor(prefix + tensor)?.shape[axis]
    if (found === undefined) throw errors.E_TENSOR_MISSING({ tensor, near: nearest(tensor, checkpoint.tensorNames), where })
    return found
  }
  const stack = (name: 'encoder' | 'decoder'): readonly boolean[] => {
    const pattern = new RegExp(`^${name}\\.layers\\.(\\d+)\\.(\\d+)\\.`)
    const parts = names.flatMap(full => {
      const [start, layer, part] = pattern.exec(full) ?? []
      return start === undefined ? [] : [{ full, layer: Number(layer), part }]
    })
    for (const { full, layer } of parts) {
      if (layer < limits.layers) continue
      throw errors.E_UNSUPPORTED({ what: `${where}: ${full} is of layer ${layer + 1}; up to ${limits.layers} layers are supported.` })
    }
    const crossed = new Set(parts.flatMap(({ layer, part }) => (part === '1' ? [layer] : [])))
    const depth = parts.reduce((most, { layer }) => Math.max(most, layer + 1), 0)
    return Array.from({ length: depth }, (_, layer) => crossed.has(layer))
  }
  const old = some(/\.to_kv\./) || !some(/^encoder\.project_out\./)
  if (old && some(/^decoder\.layers\./))
    throw errors.E_UNSUPPORTED({
      what: `${where}: these are weights of RETRO-pytorch before 0.3.0, which was wired otherwise: the encoder has no project_out.`,
      next: 'Train or convert with RETRO-pytorch 0.3.0 or later.',
    })
  const headSize = Math.floor(dim('decoder.layers.0.0.fn.to_q.weight', 0) / HEADS)
  if (headSize < LEAST_HEAD_SIZE)
    throw errors.E_UNSUPPORTED({ what: `${where}: heads have ${headSize} channels; RETRO-pytorch has no fewer than ${LEAST_HEAD_SIZE}.` })
  const rms = some(/\.norm\.gamma$/)
  return {
    prefix,
    vocabulary: dim('token_emb.weight', 0),
    positions: dim('pos_emb.weight', 0),
    headSize,
    norm: rms ? (some(/\.norm\.weight$/) ? 'gated' : 'rms') : 'layer',
    postNorm: !some(/\.norm_out\./),
    encoder: { width: dim('token_emb.weight', 1), crossed: stack('encoder') },
    decoder: { width: dim('to_logits.weight', 1), crossed: stack('decoder') },
  }
}

/** How many channels of a head may be turned by position: as versions from 0.3.1 on have it, and as 0.3.0 had. */
export const turnedChannels = (headSize: number): readonly number[] => [
  Math.min(headSize, LEAST_HEAD_SIZE),
  Math.max(Math.floor(headSize / 2), LEAST_HEAD_SIZE),
]
