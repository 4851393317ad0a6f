import {
  activate,
  type Builder,
  causalMask,
  conv1d,
  type DecoderCache,
  embedding,
  firstRows,
  type LayerRange,
  layerNorm,
  type Value,
  type Weights,
} from '@silane/core'
import type { Gpt2Config } from './config.ts'

/**
 * The decoder of Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), as transformers'
 * `modeling_gpt2.py` computes it with eager attention. Shapes: B batch, S tokens, C width.
 */

/** How a layer attends: over a cache or over the whole sequence. */
type Attend = (layer: number, projected: { query: Value; key: Value; value: Value; heads: number; scale: number }) => Value

/** x + attention(LN x), then x + MLP(LN x). */
function block(b: Builder, x: Value, attend: Attend, w: Weights, config: Gpt2Config, layer: number): Value {
  const { n_embd, n_head, layer_norm_epsilon } = config
  return b.in(w.path, () => {
    const normal = layerNorm(b, x, w.at('ln_1'), layer_norm_epsilon)
    const [query, key, value] = [0, 1, 2].map(i => conv1d(b, normal, w.at('attn.c_attn'), 3 * n_embd, n_embd, i * n_embd)) as [
      Value,
      Value,
      Value,
    ]
    const attended = attend(layer, { query, key, value, heads: n_head, scale: scoreScale(config, layer) })
    const a = b.add({ x, y: conv1d(b, attended, w.at('attn.c_proj'), n_embd) })
    const inner = conv1d(b, layerNorm(b, a, w.at('ln_2'), layer_norm_epsilon), w.at('mlp.c_fc'), config.n_inner ?? 4 * n_embd)
    return b.add({ x: a, y: conv1d(b, activate(b, config.activation_function, inner), w.at('mlp.c_proj'), n_embd) })
  })
}

/** 1/√d, and 1/(layer + 1) where the configuration says so: transformers' default attention ignores both switches, eager attention does not. */
const scoreScale = (config: Gpt2Config, layer: number): number =>
  (config.scale_attn_weights ? 1 / Math.sqrt(config.n_embd / config.n_head) : 1) / (config.scale_attn_by_inverse_layer_idx ? layer + 1 : 1)

function blocks(
  b: Builder,
  x: Value,
  attend: Attend,
  w: Weights,
  config: Gpt2Config,
  { from, to }: Pick<LayerRange, 'from' | 'to'>,
): Value {
  let y = x
  for (let layer = from; layer < to; layer++) y = block(b, y, attend, w.at('h').at(layer), config, layer)
  return y
}

/** Token and position embeddings of new tokens at their slots. [1, S, C] */
export function embed(b: Builder, inputIds: Value, positions: Value, w: Weights, config: Gpt2Config): Value {
  const { vocab_size, n_positions, n_embd } = config
  return b.add({ x: embedding(b, inputIds, w.at('wte'), vocab_size, n_embd), y: embedding(b, positions, w.at('wpe'), n_positions, n_embd) })
}

/** Some layers over the cache, whose layer 0 is the first of them. [1, S, C] */
export const decode = (b: Builder, x: Value, cache: DecoderCache, w: Weights, config: Gpt2Config, range: LayerRange): Value =>
  blocks(b, x, (layer, projected) => cache.attend(layer - range.from, projected), w, config, range)

export const finalNorm = (b: Builder, x: Value, w: Weights, config: Gpt2Config): Value =>
  layerNorm(b, x, w.at('ln_f'), config.layer_norm_epsilon)

/** Last hidden states of a whole sequence, without a cache. inputIds, attentionMask int32 [B, S] → [B, S, C] */
export function encode(b: Builder, inputIds: Value, attentionMask: Value, w: Weights, config: Gpt2Config): Value {
  const length = inputIds.type.shape[1] as number
  const words = embedding(b, inputIds, w.at('wte'), config.vocab_size, config.n_embd)
  const x = b.add({ x: words, y: firstRows(b, w.at('wpe'), config.n_positions, config.n_embd, length) })
  const attend: Attend = (_, { query, key, value, heads, scale }) =>
    b.attention({ query, key, value, key_mask: attentionMask, mask: b.constant(causalMask(length)), heads, scale })
  return finalNorm(b, blocks(b, x, attend, w, config, { from: 0, to: config.n_layer }), w, config)
}
