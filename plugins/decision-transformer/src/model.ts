import { type Builder, embedding, firstRows, layerNorm, linear, type Value, type Weights } from '@silane/core'
import { encode } from '@silane/plugin-gpt2/model'
import { type DecisionTransformerConfig, layersOf } from './config.ts'

/**
 * The policy of Chen et al., "Decision Transformer: Reinforcement Learning via Sequence Modeling" (2021), as transformers'
 * `modeling_decision_transformer.py` computes it with eager attention. Shapes: B batch, K steps, s and a the widths of a state and an
 * action, C width.
 */

/** The end of an episode so far: for each step what is still to be earned, the state, and the action taken. */
export interface Trajectory {
  /** [B, K, s] */
  readonly states: Value
  /** [B, K, a] */
  readonly actions: Value
  /** [B, K, 1] */
  readonly returns_to_go: Value
  /** int32 [B, K], the step of the episode that each is. */
  readonly timesteps: Value
  /** int32 [B, K], 0 where there is no step. */
  readonly attention_mask: Value
}

export interface Predictions {
  /** [B, K, s], of the step after. */
  readonly state_preds: Value
  /** [B, K, a] */
  readonly action_preds: Value
  /** [B, K, 1], of the step after. */
  readonly return_preds: Value
}

/** The epsilon of `embed_ln`, which is torch's own whatever `layer_norm_epsilon` says. */
const EMBEDDING_EPSILON = 1e-5

/** A step is three tokens, in this order. */
const [RETURN, STATE, ACTION] = [0, 1, 2]
const TOKENS = 3

/** What the policy predicts at each step: the action from the return and the state, what follows from the action besides. */
export function predict(b: Builder, trajectory: Trajectory, w: Weights, config: DecisionTransformerConfig): Predictions {
  const { state_dim, act_dim, action_tanh } = config
  const mask = interleave(b, Array<Value>(TOKENS).fill(trajectory.attention_mask))
  const x = encode(b, embed(b, trajectory, w, config), mask, w.at('encoder'), layersOf(config))
  const [atState, atAction] = [tokensOf(b, x, STATE), tokensOf(b, x, ACTION)]
  const action = linear(b, atState, w.at('predict_action.0'), act_dim)
  return {
    state_preds: linear(b, atAction, w.at('predict_state'), state_dim),
    action_preds: action_tanh ? b.tanh({ x: action }) : action,
    return_preds: linear(b, atAction, w.at('predict_return'), 1),
  }
}

/**
 * What the layers read: R₁ s₁ a₁ R₂ s₂ a₂ …, all three with the vector of their time step, normed. Every token has position 0, since
 * time steps tell the order: transformers adds the first row of the table of positions to all of them. → [B, 3K, C]
 */
function embed(b: Builder, trajectory: Trajectory, w: Weights, config: DecisionTransformerConfig): Value {
  const { hidden_size, max_ep_len, n_positions } = config
  const time = embedding(b, trajectory.timesteps, w.at('embed_timestep'), max_ep_len, hidden_size)
  const timed = (x: Value, module: string): Value => b.add({ x: linear(b, x, w.at(module), hidden_size), y: time })
  const tokens: Value[] = []
  tokens[RETURN] = timed(trajectory.returns_to_go, 'embed_return')
  tokens[STATE] = timed(trajectory.states, 'embed_state')
  tokens[ACTION] = timed(trajectory.actions, 'embed_action')
  return b.add({
    x: layerNorm(b, interleave(b, tokens), w.at('embed_ln'), EMBEDDING_EPSILON),
    y: firstRows(b, w.at('encoder.wpe'), n_positions, hidden_size, 1),
  })
}

/** Of as many tokens per step as there are values, all of the first step, then all of the second … n × [B, K, …] → [B, nK, …] */
function interleave(b: Builder, values: readonly Value[]): Value {
  const [batch, steps, ...rest] = (values[0] as Value).type.shape as [number, number, ...number[]]
  const together = b.concat({ values: values.map(x => b.expand_dims({ x, axes: [2] })), axis: 2 })
  return b.reshape({ x: together, shape: [batch, values.length * steps, ...rest] })
}

/** The vectors of one token of each step. [B, 3K, C] → [B, K, C] */
function tokensOf(b: Builder, x: Value, token: number): Value {
  const [batch, length, width] = x.type.shape as [number, number, number]
  const steps = b.reshape({ x, shape: [batch, length / TOKENS, TOKENS, width] })
  return b.slice_by_index({
    x: steps,
    begin: [0, 0, token, 0],
    end: [batch, length / TOKENS, token + 1, width],
    squeeze_mask: [false, false, true, false],
  })
}
