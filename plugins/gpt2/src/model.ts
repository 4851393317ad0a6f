import {
  activate,
  type Builder,
  type Constant,
  type DecoderAttention,
  embedding,
  firstRows,
  layerNorm,
  sequenceAttention,
  sliceConstant,
  transposeConstant,
  type Value,
  type Weights,
} from '@silane/core'
import type { Gpt2Config } from './config.ts'

export { type Gpt2Config, readGpt2Config } from './config.ts'

/** What the layers read of a configuration: a model that contains a GPT-2 brings it from a configuration of its own. */
export type Gpt2Layers = Pick<
  Gpt2Config,
  | 'n_embd'
  | 'n_layer'
  | 'n_head'
  | 'n_inner'
  | 'activation_function'
  | 'layer_norm_epsilon'
  | 'scale_attn_weights'
  | 'scale_attn_by_inverse_layer_idx'
>

/**
 * The decoder of Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), as transformers'
 * `modeling_gpt2.py` computes it with eager attention. Shapes: B batch, S tokens, C width.
 */

/** x·W + b with `weight` [in, out], as transformers' Conv1D stores it; the columns `from … from + out − 1` of it. */
const conv1d = (b: Builder, x: Value, w: Weights, columns: number, out = columns, from = 0): Value =>
  b.in(w.path, () => {
    const stored = w.tensor('weight', [x.type.shape.at(-1) as number, columns])
    const weight = b.constant(transposeConstant(sliceConstant(stored, 1, from, from + out), [1, 0]))
    return b.linear({ x, weight, bias: b.constant(sliceConstant(w.tensor('bias', [columns]), 0, from, from + out)) })
  })

/** x + attention(LN x), then x + MLP(LN x): the layer with this number. [B, S, C] → [B, S, C] */
export function block(
  b: Builder,
  x: Value,
  attention: Pick<DecoderAttention, 'self'>,
  w: Weights,
  config: Gpt2Layers,
  layer: number,
): Value {
  const { n_embd, n_head, layer_norm_epsilon } = config
  const at = w.at('h').at(layer)
  return b.in(at.path, () => {
    const normal = layerNorm(b, x, at.at('ln_1'), layer_norm_epsilon)
    const [query, key, value] = [0, 1, 2].map(i => conv1d(b, normal, at.at('attn.c_attn'), 3 * n_embd, n_embd, i * n_embd)) as [
      Value,
      Value,
      Value,
    ]
    const attended = attention.self(layer, { query, key, value, heads: n_head, scale: scoreScale(config, layer) })
    const a = b.add({ x, y: conv1d(b, attended, at.at('attn.c_proj'), n_embd) })
    const inner = conv1d(b, layerNorm(b, a, at.at('ln_2'), layer_norm_epsilon), at.at('mlp.c_fc'), config.n_inner ?? 4 * n_embd)
    return b.add({ x: a, y: conv1d(b, activate(b, config.activation_function, inner), at.at('mlp.c_proj'), n_embd) })
  })
}

/** 1/√d, and 1/(layer + 1) where the configuration says so: transformers' default attention ignores both switches, eager attention does not. */
const scoreScale = (config: Gpt2Layers, layer: number): number =>
  (config.scale_attn_weights ? 1 / Math.sqrt(config.n_embd / config.n_head) : 1) / (config.scale_attn_by_inverse_layer_idx ? layer + 1 : 1)

/** Token and position embeddings of new tokens at their slots. [1, S, C] */
export function embed(b: Builder, inputIds: Value, positions: Value, w: Weights, config: Gpt2Config): Value {
  const { vocab_size, n_positions, n_embd } = config
  return b.add({ x: embedding(b, inputIds, w.at('wte'), vocab_size, n_embd), y: embedding(b, positions, w.at('wpe'), n_positions, n_embd) })
}

export const finalNorm = (b: Builder, x: Value, w: Weights, config: Gpt2Layers): Value =>
  layerNorm(b, x, w.at('ln_f'), config.layer_norm_epsilon)

/** The output matrix [V, C]. */
export const vocabulary = (w: Weights, { vocab_size, n_embd }: Gpt2Config): Constant => w.tensor('lm_head.weight', [vocab_size, n_embd])

/** What the layers read of a whole sequence: token embeddings at positions 0, 1, 2 … int32 [B, S] → [B, S, C] */
export const embedSequence = (b: Builder, inputIds: Value, w: Weights, config: Gpt2Config): Value =>
  b.add({
    x: embedding(b, inputIds, w.at('wte'), config.vocab_size, config.n_embd),
    y: firstRows(b, w.at('wpe'), config.n_positions, config.n_embd, inputIds.type.shape[1] as number),
  })

/** Last hidden states of vectors that are read at once, without a cache. start [B, S, C], attentionMask int32 [B, S] → [B, S, C] */
export function encode(b: Builder, start: Value, attentionMask: Value, w: Weights, config: Gpt2Layers): Value {
  const attention = sequenceAttention(b, { keyMask: attentionMask })
  let x = start
  for (let layer = 0; layer < config.n_layer; layer++) x = block(b, x, attention, w, config, layer)
  return finalNorm(b, x, w, config)
}
