import type { DeployedTensor, Manifest } from '../../manifest.ts'
import { argumentLines } from './argument-lines.ts'
import { identifier } from './identifier.ts'
import { indent } from './indent.ts'
import { linesOf } from './lines-of.ts'
import { type Method, methodHead } from './method.ts'
import type { Owner } from './owner.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { scalar } from './scalar.ts'

/**
 * Swift that plays an episode with a policy: what is kept of it, and the next action. The deployment contract names what a policy reads
 * and gives; undefined where a pipeline is none, or has other names.
 */
export function policyCode({ pipeline }: Pick<Manifest, 'pipeline'>, view: PipelineView): Owner | undefined {
  const [step, ...more] = view.steps
  if (pipeline.kind !== 'policy' || !step || more.length > 0 || !('call' in step)) return undefined
  const [callable] = view.functions(step.call)
  const named = (name: string) => callable?.fn.inputs.find(input => input.name === name)
  const [states, actions, returns] = [named('states'), named('actions'), named('returns_to_go')]
  const times = callable?.fn.inputs.find(({ role }) => role === 'positions')
  const mask = callable?.fn.inputs.find(({ role }) => role === 'mask')
  const chosen = callable?.fn.outputs.find(({ name }) => name === 'action_preds')
  if (!callable || !states || !actions || !returns || !times || !mask || !chosen || callable.fn.inputs.length !== 5) return undefined
  const [, context = 0, stateWidth = 0] = states.shape
  const width = actions.shape[2] ?? 0
  const rows = new Map<DeployedTensor, string>([
    [states, `before(${stateWidth}) + steps.flatMap { $0.state }`],
    [actions, `before(${width}) + steps.flatMap { $0.action }`],
    [returns, 'before(1) + steps.map { $0.wanted }'],
  ])
  const handed = [...rows].flatMap(([input, code]) => [
    `let ${identifier(input.name)} = MLShapedArray<${scalar(input)}>(`,
    `  scalars: (${code}).map { ${scalar(input)}($0) }, shape: [${input.shape.join(', ')}])`,
  ])
  const field = callable.fn.outputs.length > 1 ? `.${identifier(chosen.name)}` : ''
  const argument = (input: DeployedTensor) =>
    rows.has(input) ? `MLMultiArray(${identifier(input.name)})` : `missing + steps.map { ${input === times ? '$0.time' : '_ in 1'} }`
  const code = [
    'final class Policy {',
    ...indent([
      '/// Steps that the policy sees.',
      `static let context = ${context}`,
      ...(times.below === undefined ? [] : ['/// Steps that an episode may have.', `static let longest = ${times.below}`]),
      '',
      ...linesOf(episode),
      '',
      ...ownerCode([callable]),
      '',
      '/// The action to take in a state. `reward`: of the action before; the first state of an episode has none.',
      ...methodHead(act),
      ...linesOf(nextStep(stateWidth, width, times.below)),
      ...indent([
        'let behind = Self.context - steps.count',
        'let missing = [Int32](repeating: 0, count: behind)',
        'let before = { (width: Int) in [Float](repeating: 0, count: behind * width) }',
        ...handed,
        ...argumentLines(
          `let output = try ${callable.property}.predict`,
          callable.fn.inputs.map(input => `${identifier(input.name)}: ${argument(input)}`),
          field,
        ),
        'let action = output[0, Self.context - 1].scalars.map { Float($0) }',
        'steps[steps.count - 1].action = action',
        'episode.steps = steps',
        'return action',
      ]),
      '}',
      '',
      '/// Plays an episode: `environment` carries an action out, and gives the state after it and its reward, or nil at the end.',
      ...methodHead(rollout),
      ...linesOf(untilTheEnd),
    ]),
    '}',
  ]
  return { name: 'Policy', methods: [act, rollout], code }
}

const act: Method = {
  name: 'act',
  parameters: [
    { label: 'in', name: 'state', type: '[Float]' },
    { name: 'reward', type: 'Float', default: '0' },
    { label: 'of', name: 'episode', type: 'inout Episode' },
  ],
  result: '[Float]',
}

const rollout: Method = {
  name: 'rollout',
  parameters: [
    { label: 'from', name: 'state', type: '[Float]' },
    { name: 'episode', type: 'Episode' },
    { name: 'environment', type: '([Float]) throws -> (state: [Float], reward: Float)?' },
  ],
  result: 'Episode',
}

const episode = `
/// What is kept of an episode.
struct Episode {
  struct Step {
    var state: [Float]
    var action: [Float]
    /// The return that is still wanted, divided by \`scale\`.
    var wanted: Float
    var time: Int32
  }

  /// The sum of rewards to earn, as the environment counts them.
  let targetReturn: Float
  /// What returns and rewards are divided by, as in training.
  var scale: Float = 1000
  /// Of each number of a state over the data of the training; without them states come normalised.
  var mean: [Float] = []
  var deviation: [Float] = []
  var steps: [Step] = []
}`

const nextStep = (width: number, actions: number, longest: number | undefined): string => `
  let normalized = episode.mean.isEmpty
  guard state.count == ${width}, normalized || (episode.mean.count == ${width} && episode.deviation.count == ${width}) else {
    throw ProgramError.wrongCount(state.count)
  }
  let time = episode.steps.last.map { $0.time + 1 } ?? 0
${longest === undefined ? '' : '  guard time < Self.longest else { throw ProgramError.wrongCount(Int(time)) }\n'}  let step = Episode.Step(
    state: normalized ? state : state.indices.map { (state[$0] - episode.mean[$0]) / episode.deviation[$0] },
    action: [Float](repeating: 0, count: ${actions}),
    wanted: episode.steps.last.map { $0.wanted - reward / episode.scale } ?? episode.targetReturn / episode.scale,
    time: time
  )
  var steps = Array((episode.steps + [step]).suffix(Self.context))`

const untilTheEnd = `
  var episode = episode
  var action = try act(in: state, of: &episode)
  while let next = try environment(action) {
    action = try act(in: next.state, reward: next.reward, of: &episode)
  }
  return episode
}`
