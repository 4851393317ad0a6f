/** What one call of the program reads, each input as a flat array. K: steps of the context, s and a: widths of a state and an action. */
export interface PolicyInputs {
  /** [1, K, s], normalised. */
  readonly states: Float32Array
  /** [1, K, a]; the last is 0, since it is what is asked for. */
  readonly actions: Float32Array
  /** [1, K, 1], scaled. */
  readonly returns_to_go: Float32Array
  /** [1, K] */
  readonly timesteps: Int32Array
  /** [1, K], 0 in front while the episode is shorter than the context. */
  readonly attention_mask: Int32Array
}

export interface RolloutOptions {
  /** Runs the program, wherever it is, and gives its `action_preds` [1, K, a] as a flat array. */
  readonly run: (inputs: PolicyInputs) => ArrayLike<number> | Promise<ArrayLike<number>>
  /** K, the steps of the program's inputs: `context` in silane.json. */
  readonly context: number
  /** Numbers in a state. */
  readonly stateDim: number
  /** Numbers in an action. */
  readonly actionDim: number
  /** The longest episode that the policy has time steps for: what `timesteps` is below in silane.json. */
  readonly maxEpisode: number
  /** The sum of rewards that the policy is to earn, as the environment counts them. */
  readonly targetReturn: number
  /** What returns and rewards are divided by, as in training. Default: 1000. */
  readonly scale?: number
  /** Mean and standard deviation of each number of a state over the data of the training. Default: states come normalised. */
  readonly normalization?: { readonly mean: ArrayLike<number>; readonly std: ArrayLike<number> }
}

/**
 * Takes the state that the environment is in and the reward of the action before, which the first state of an episode does not have,
 * and gives the action to take, [a].
 */
export type Act = (state: ArrayLike<number>, reward?: number) => Promise<Float32Array>

interface Step {
  readonly state: Float32Array
  readonly action: Float32Array
  readonly returnToGo: number
  readonly timestep: number
}

/** What returns and rewards are divided by in the published policies. */
const SCALE = 1000

/**
 * One episode, as the evaluation of transformers' example plays it: the program sees the last K steps, with zeros in front while there
 * are fewer; the return that is wanted goes down by each reward; and each action is remembered as it was predicted.
 *
 *     const act = rollout({ run, context: 20, stateDim: 11, actionDim: 3, maxEpisode: 1000, targetReturn: 3600, normalization })
 *     let action = await act(environment.reset())
 *     for (;;) {
 *       const { state, reward, done } = environment.step(action)
 *       if (done) break
 *       action = await act(state, reward)
 *     }
 *
 * Calls wait for one another; one that fails leaves the episode as it was. Throws RangeError for what has another size than the options
 * say and for an episode that is too long, TypeError for a reward that is missing or has no action before it.
 */
export function rollout(options: RolloutOptions): Act {
  const { run, context, stateDim, actionDim, maxEpisode, targetReturn, scale = SCALE, normalization } = options
  for (const [name, size] of Object.entries({ context, stateDim, actionDim, maxEpisode })) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`${name} is ${size}, which is no size`)
  }
  if (!(Number.isFinite(scale) && scale > 0)) throw new RangeError(`scale is ${scale}, which is no positive number`)
  if (!Number.isFinite(targetReturn)) throw new RangeError(`targetReturn is ${targetReturn}, which is no number`)
  const normalize = normalizer(stateDim, normalization)
  let history: readonly Step[] = []

  const next = (state: ArrayLike<number>, reward: number | undefined): Step => {
    const step = { state: normalize(state), action: new Float32Array(actionDim) }
    const before = history.at(-1)
    if (!before) {
      if (reward !== undefined) throw new TypeError('the first state of an episode has no reward: no action was taken')
      return { ...step, returnToGo: targetReturn / scale, timestep: 0 }
    }
    if (reward === undefined) throw new TypeError('the reward of the action before is missing')
    if (!Number.isFinite(reward)) throw new RangeError(`the reward is ${reward}, which is no number`)
    const timestep = before.timestep + 1
    if (timestep >= maxEpisode) throw new RangeError(`the policy has time steps for episodes of ${maxEpisode} steps`)
    return { ...step, returnToGo: before.returnToGo - reward / scale, timestep }
  }

  const act: Act = async (state, reward) => {
    const step = next(state, reward)
    const steps = [...history, step].slice(-context)
    const predicted = await run(inputsOf(steps, context))
    if (predicted.length !== context * actionDim) {
      throw new RangeError(`the program gave ${predicted.length} numbers, not ${context} actions of ${actionDim}`)
    }
    const action = Float32Array.from(predicted).slice(-actionDim)
    history = [...steps.slice(0, -1), { ...step, action }]
    return action.slice()
  }

  let last: Promise<unknown> = Promise.resolve()
  return (state, reward) => {
    const acted = last.then(() => act(state, reward))
    last = acted.catch(() => {})
    return acted
  }
}

/** Checks a state and gives (state − mean) / std. */
function normalizer(stateDim: number, normalization: RolloutOptions['normalization']): (state: ArrayLike<number>) => Float32Array {
  const fits = (name: string, values: ArrayLike<number>): void => {
    if (values.length !== stateDim) throw new RangeError(`${name} has ${values.length} numbers, not ${stateDim}`)
  }
  if (normalization) {
    fits('mean', normalization.mean)
    fits('std', normalization.std)
    if (!Array.from(normalization.std).every(std => std > 0)) throw new RangeError('a standard deviation is not above 0')
  }
  return state => {
    fits('the state', state)
    if (!normalization) return Float32Array.from(state)
    const { mean, std } = normalization
    return Float32Array.from(state, (x, i) => (x - (mean[i] as number)) / (std[i] as number))
  }
}

/** The last steps, at most K, as the program reads them: at the end, behind zeros that are masked. */
function inputsOf(steps: readonly Step[], context: number): PolicyInputs {
  const behind = context - steps.length
  const widths = { state: steps[0]?.state.length ?? 0, action: steps[0]?.action.length ?? 0 }
  const inputs = {
    states: new Float32Array(context * widths.state),
    actions: new Float32Array(context * widths.action),
    returns_to_go: new Float32Array(context),
    timesteps: new Int32Array(context),
    attention_mask: new Int32Array(context),
  }
  for (const [i, step] of steps.entries()) {
    const at = behind + i
    inputs.states.set(step.state, at * widths.state)
    inputs.actions.set(step.action, at * widths.action)
    inputs.returns_to_go[at] = step.returnToGo
    inputs.timesteps[at] = step.timestep
    inputs.attention_mask[at] = 1
  }
  return inputs
}
