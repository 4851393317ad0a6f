import { type DecodeStep, own } from '@silane/core'
import type { DeployedOutput, DeployedTensor } from '../../manifest.ts'
import { argumentLines } from './argument-lines.ts'
import type { Callable } from './callable.ts'
import type { DecoderRead, DecoderView } from './decoder-view.ts'
import { identifier } from './identifier.ts'
import { indent } from './indent.ts'
import { parameterType } from './parameter-type.ts'
import { scalar } from './scalar.ts'
import type { Things } from './things.ts'

/** What Swift keeps between two calls of a decoder. */
interface Kept {
  readonly name: string
  readonly type: string
  /** Made where the memory is, unless it is handed in. */
  readonly own?: string
  /** What is handed in. */
  readonly given?: string
}

/** Swift around a decoder: what is kept between calls, and the functions that read new tokens. */
export interface DecoderCode {
  readonly members: readonly string[]
  /** What an empty memory is made of, labels included. */
  readonly memory: readonly string[]
}

/** The Swift of a decoder, which keeps the things that its step feeds. */
export function decoderCode(view: DecoderView, things: Things): DecoderCode {
  const [most] = view.reads
  const parts = most?.parts ?? []
  const kept = [...parts.flatMap((part, i) => keptOf(part, i, parts.length, view.step, things)), ...rowsOf(view.step, things)].filter(
    ({ name }, i, all) => all.findIndex(other => other.name === name) === i,
  )
  const given = kept.flatMap(({ name, given }) => (given === undefined ? [] : [`${name}: ${given}`]))
  return {
    memory: given,
    members: [
      '/// Tokens that fit into the cache.',
      `static let context = ${view.context}`,
      '',
      '/// What has been read.',
      'struct Memory {',
      ...kept.map(({ name, type, own }) => `  let ${name}${own === undefined ? `: ${type}` : ` = ${own}`}`),
      '  /// Tokens in the cache.',
      '  var length = 0',
      ...(placeOf(view.step) ? ['  /// Rows that stand in the places of ids.', '  var placed = 0'] : []),
      '}',
      '',
      ...reader(view),
      ...view.reads.flatMap(read => ['', ...call(read, view)]),
    ],
  }
}

const placeOf = ({ entry }: DecodeStep) => (typeof entry === 'string' ? undefined : entry.place)

/** The name of what a part of a decoder keeps: its own where there are several. */
const ownName = (part: Callable, name: string, count: number): string => identifier(count > 1 ? `${part.program.name}_${name}` : name)

const isEntry = ({ role, name }: DeployedTensor, { entry }: DecodeStep): boolean =>
  typeof entry === 'string' ? name === entry : role === 'vectors' || role === 'ids'

const isPassed = (input: DeployedTensor, step: DecodeStep, index: number): boolean =>
  input.role === 'positions' || input.role === 'hidden' || (index === 0 && isEntry(input, step))

function keptOf(part: Callable, index: number, count: number, step: DecodeStep, things: Things): Kept[] {
  const { fn, property } = part
  const state: Kept = { name: ownName(part, 'state', count), type: 'MLState', given: `${property}.model.makeState()` }
  const inputs = fn.inputs.filter(input => !isPassed(input, step, index))
  return [
    ...inputs.map((input): Kept => {
      if (input.role === 'cache') {
        const own = `MLMultiArray(MLShapedArray<${scalar(input)}>(repeating: 0, shape: [${input.shape.join(', ')}]))`
        return { name: ownName(part, input.name, count), type: 'MLMultiArray', own }
      }
      const thing = own(step.feeds, input.name) ?? input.name
      const given = things.as(thing, input)
      if (!input.layers) return { name: identifier(thing), type: parameterType(input), given }
      const [from, to] = input.layers
      return { name: ownName(part, thing, count), type: 'MLMultiArray', given: `MLMultiArray(${things.code(thing)}[${from} ..< ${to}])` }
    }),
    ...(fn.states.length > 0 ? [state] : []),
  ]
}

function rowsOf(step: DecodeStep, things: Things): Kept[] {
  const place = placeOf(step)
  if (!place) return []
  return [{ name: identifier(place.rows), type: `MLShapedArray<${things.elements(place.rows)}>`, given: things.code(place.rows) }]
}

const methodOf = ({ name }: DecoderRead): string => identifier(`read_${name}`)

/** Reads any number of tokens: as many at once as there are, and one by one where that is all that is left, or all that fits. */
function reader({ reads: [most, one], stateful }: DecoderView): string[] {
  const width = most?.width ?? 1
  const fits = stateful ? ` || memory.length + ${width} > Self.context` : ''
  const many = [
    `let count = min(rest, ${width})`,
    `scores = try ${most ? methodOf(most) : ''}(Array(ids[done ..< done + count]), into: &memory)`,
    'done += count',
  ]
  const single = one && [`scores = try ${methodOf(one)}([ids[done]], into: &memory)`, 'done += 1']
  return [
    '/// Reads ids behind those that `memory` holds, and gives the scores of what may come next.',
    'func read(_ ids: [Int32], into memory: inout Memory) throws -> [Float] {',
    '  guard memory.length + ids.count <= Self.context else { throw ProgramError.wrongCount(memory.length + ids.count) }',
    '  var scores: [Float] = []',
    '  var done = 0',
    '  while done < ids.count {',
    '    let rest = ids.count - done',
    ...(single ? [`    if rest == 1${fits} {`, ...indent(single, 3), '    } else {', ...indent(many, 3), '    }'] : indent(many, 2)),
    '  }',
    '  return scores',
    '}',
  ]
}

/** One call of every part. */
function call(read: DecoderRead, view: DecoderView): string[] {
  const { step } = view
  const { width, parts } = read
  return [
    `/// Reads ${width === 1 ? 'one token' : `up to ${width} tokens in one call`}.`,
    `private func ${methodOf(read)}(_ ids: [Int32], into memory: inout Memory) throws -> [Float] {`,
    ...indent([
      ...(parts.some(({ fn }) => fn.inputs.some(({ role }) => role === 'positions'))
        ? [`let positions = (0 ..< ${width}).map { Int32(min(memory.length + $0, Self.context - 1)) }`]
        : []),
      ...entry(read, step),
      ...parts.flatMap((part, index) => predict(part, index, parts.length, step)),
      'memory.length += ids.count',
      ...scores(parts),
    ]),
    '}',
  ]
}

/** What the first part reads: ids, or the vectors that stand for them. */
function entry({ width, embed, parts }: DecoderRead, step: DecodeStep): string[] {
  const ids = width === 1 ? 'ids' : `try padded(ids, to: ${width})`
  if (!embed) return [`let entry = ${ids}`]
  const [input] = embed.fn.inputs
  const [output, ...more] = embed.fn.outputs
  const taken = parts[0]?.fn.inputs.find(each => isEntry(each, step))
  if (!input || !output || !taken) return []
  const field = more.length > 0 ? `.${identifier(output.name)}` : ''
  const place = placeOf(step)
  const given = `vectors${field}`
  const placed = `placing(memory.${identifier(place?.rows ?? '')}, forId: ${place?.id}, of: ids, among: ${given}, from: memory.placed)`
  const converted = (code: string) =>
    scalar(output) === scalar(taken) ? code : `MLShapedArray<${scalar(taken)}>(converting: MLMultiArray(${code}))`
  return [
    `let vectors = try ${embed.property}.predict(${identifier(input.name)}: ${ids.replace('try ', '')})`,
    ...(place ? [`let filled = try ${placed}`] : []),
    `let entry = MLMultiArray(${converted(place ? 'filled' : given)})`,
    ...(place ? [`memory.placed += ids.filter { $0 == ${place.id} }.count`] : []),
  ]
}

function predict(part: Callable, index: number, count: number, step: DecodeStep): string[] {
  const { fn, property } = part
  const kept = (input: DeployedTensor) => {
    const thing = own(step.feeds, input.name) ?? input.name
    const held = input.role === 'cache' ? ownName(part, input.name, count) : input.layers ? ownName(part, thing, count) : identifier(thing)
    return `memory.${held}`
  }
  const argument = (input: DeployedTensor): string => {
    if (input.role === 'positions') return 'positions'
    if (index === 0 && isEntry(input, step)) return 'entry'
    if (input.role === 'hidden') return `hidden${index - 1}`
    return kept(input)
  }
  const fed = [
    ...fn.inputs.map(input => `${identifier(input.name)}: ${argument(input)}`),
    ...(fn.states.length > 0 ? [`using: memory.${ownName(part, 'state', count)}`] : []),
  ]
  const outputs = `outputs${index === count - 1 ? '' : index}`
  const field = fieldOf(part, outputs)
  return [
    ...argumentLines(`let ${outputs} = try ${property}.predict`, fed, ''),
    ...fn.outputs.flatMap(output => {
      if (output.updates !== undefined)
        return [`store(${field(output)}, count: ids.count, into: memory.${ownName(part, output.updates, count)}, at: memory.length)`]
      return output.role === 'hidden' ? [`let hidden${index} = MLMultiArray(${field(output)})`] : []
    }),
  ]
}

const fieldOf =
  ({ fn }: Callable, outputs: string) =>
  ({ name }: DeployedOutput): string =>
    fn.outputs.length > 1 ? `${outputs}.${identifier(name)}` : outputs

/** The scores after the last token. */
function scores(parts: readonly Callable[]): string[] {
  const last = parts.at(-1)
  const logits = last?.fn.outputs.find(({ updates, role }) => updates === undefined && role !== 'hidden')
  return last && logits ? [`return ${fieldOf(last, 'outputs')(logits)}[0, ids.count - 1].scalars.map { Float($0) }`] : []
}
