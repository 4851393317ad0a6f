import { callStep, definePlugin, errors, mainProgram, mask, type Port, perToken, Weights } from '@silane/core'
import { type DecisionTransformerConfig, readDecisionTransformerConfig } from './config.ts'
import { predict } from './model.ts'

export { type Act, type PolicyInputs, type RolloutOptions, rollout } from './rollout.ts'

/** Steps of a context unless the configuration or `--context` says otherwise: what the published policies were trained with. */
const DEFAULT_STEPS = 20

const vectors: Port = { role: 'vectors' }

/** Decision Transformer: what to do next, from the steps so far and the return that is wanted. `rollout` is the loop around it. */
export default definePlugin({
  id: 'decision-transformer',
  spare: ['encoder.wte', 'attn.bias', 'attn.masked_bias', 'predict_state', 'predict_return'],
  tasks: {
    DecisionTransformerModel: 'reinforcement-learning',
    // The class of Hugging Face's training tutorial, which adds a loss.
    TrainableDT: 'reinforcement-learning',
  },
  options: {
    context: { type: 'integer', minimum: 1, doc: 'steps of the episode that the policy sees; default: max_length of config.json, or 20' },
  },
  load: ({ checkpoint, options }) => {
    const config = readDecisionTransformerConfig(checkpoint)
    const { steps, notes } = contextOf(options.context, config)
    const w = new Weights(checkpoint)
    const program = mainProgram('model', b => {
      const { state_preds, action_preds, return_preds } = predict(
        b,
        {
          states: b.input('states', 'fp32', [1, steps, config.state_dim], vectors),
          actions: b.input('actions', 'fp32', [1, steps, config.act_dim], vectors),
          returns_to_go: b.input('returns_to_go', 'fp32', [1, steps, 1], vectors),
          timesteps: b.input('timesteps', 'int32', [1, steps], { role: 'positions', below: config.max_ep_len }),
          attention_mask: b.input('attention_mask', 'int32', [1, steps], mask),
        },
        w,
        config,
      )
      return { state_preds: perToken(state_preds), action_preds: perToken(action_preds), return_preds: perToken(return_preds) }
    })
    return {
      modelType: 'decision_transformer',
      programs: [program],
      pipeline: { kind: 'policy', steps: [callStep(program)] },
      options: { context: steps },
      ...(notes ? { notes } : {}),
    }
  },
})

/**
 * The steps of a context: what was asked for, else what the policy was trained with, as far as there are positions. Throws E_OPTION.
 */
function contextOf(asked: number | undefined, { n_positions, max_length }: DecisionTransformerConfig) {
  const most = Math.floor(n_positions / 3)
  const room = `${n_positions} positions, which are ${most} steps of three tokens`
  if (asked !== undefined) {
    if (asked > most) throw errors.E_OPTION({ option: '--context', problem: `${asked} is more than the model's ${room}` })
    return { steps: asked }
  }
  const steps = max_length ?? DEFAULT_STEPS
  if (steps <= most) return { steps }
  return { steps: most, notes: max_length === undefined ? undefined : [`max_length is ${max_length}, but the model has ${room}.`] }
}
