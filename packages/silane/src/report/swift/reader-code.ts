import type { CallStep, Step } from '@silane/core'
import type { DeployedOutput, Manifest } from '../../manifest.ts'
import type { Bound } from '../../pipeline/borders.ts'
import { argumentLines } from './argument-lines.ts'
import type { Callable } from './callable.ts'
import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import { isText } from './is-text.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { readThings } from './read-things.ts'
import { Things } from './things.ts'

/** Swift that calls the programs of a pipeline in order; undefined where more is to be done than calls. */
export function readerCode(view: PipelineView, { model }: Pick<Manifest, 'model'>): string[] | undefined {
  if (view.steps.some(step => 'decode' in step || 'host' in step)) return undefined
  const pictured = view.wanted.some(isPictureInput)
  const reads = view.wanted.some(isText)
  const segments = view.wanted.some(input => isText(input) && input.role === 'segments')
  const lengths = lengthsOf(view)
  const all = new Set([...readThings(view.steps), ...view.given.map(({ thing }) => thing)])
  const given = [...new Map(view.given.filter(({ role }) => role !== 'hidden').map(output => [output.thing, output])).values()]
  const bodies = lengths.map(each => body(each, all, given, reads))
  const [first] = bodies
  if (!first) return undefined
  const named = first.named
  const longest = Math.max(...lengths.map(({ length }) => length))
  const parameters = [
    ...(pictured ? ['_ picture: CGImage'] : []),
    ...(reads ? [`${pictured ? '' : '_ '}text: [Int32]`] : []),
    ...(segments ? ['segments: [Int32] = []'] : []),
    ...first.parameters,
  ]
  const functions = [...new Set(lengths.flatMap(({ view: each }) => each.steps.flatMap(step => called(step, each))))]
  const code = [
    `final class ${pictured ? 'PictureReader' : reads ? 'TextReader' : 'Reader'} {`,
    ...indent([
      '/// What the programs give.',
      'struct Reading {',
      ...named.map(({ name, type }) => `  let ${name}: ${type}`),
      ...(reads ? ['  /// Tokens that were read; rows behind them mean nothing.', '  let tokenCount: Int'] : []),
      '}',
      '',
      ...(reads ? ['/// The most tokens that a program takes.', `static let longest = ${longest}`, ''] : []),
      ...ownerCode(functions),
      '',
      `/// What the programs give${pictured ? ' for a picture' : ''}${reads ? `${pictured ? ' and' : ' for'} a text, whose ids the tokenizer gives with what it puts around a text; longer ones are cut` : ''}.`,
      ...(segments ? ['/// `segments`: 1 for the tokens of a second text; none where there is one text.'] : []),
      ...argumentLines('func read', parameters, ' throws -> Reading {'),
      ...(reads ? [`  let text = truncated(text, to: Self.longest)`] : []),
      ...bodies.flatMap(({ lines }, i) => {
        const length = lengths[i]?.length ?? 0
        return i < bodies.length - 1 ? [`  if text.count <= ${length} {`, ...indent(lines, 2), '  }'] : indent(lines)
      }),
      '}',
      ...uses({ view, given, named, task: model.task, reads, pictured, parameters }),
    ]),
    '}',
  ]
  return code
}

/** A pipeline by one of the lengths that a program comes in. */
interface Length {
  readonly length: number
  readonly view: PipelineView
}

/** The shortest first. A text goes to the shortest that it fits into. */
function lengthsOf(view: PipelineView): readonly Length[] {
  const [step, ...more] = view.steps
  const whole = { length: Math.min(...view.wanted.filter(isText).map(({ shape }) => shape[1] ?? 0)), view }
  if (!step || more.length > 0 || !('call' in step) || !view.wanted.some(isText)) return [whole]
  const functions = view.functions(step.call)
  const names = ({ fn }: Callable) => fn.inputs.map(({ name }) => name).join()
  const alike = functions.filter(each => functions[0] && names(each) === names(functions[0]))
  return alike
    .map((callable): Length => {
      const wanted = callable.fn.inputs.map(input => ({ ...input, thing: step.feeds[input.name] ?? input.name }))
      const length = wanted.find(isText)?.shape[1] ?? 0
      return { length, view: { ...view, wanted, functions: name => (name === step.call ? [callable] : view.functions(name)) } }
    })
    .sort((a, b) => a.length - b.length)
}

const called = (step: Step, view: PipelineView): readonly Callable[] => ('call' in step ? view.functions(step.call).slice(0, 1) : [])

interface Named {
  readonly name: string
  readonly type: string
  readonly thing: string
}

function body({ view }: Length, all: ReadonlySet<string>, given: readonly Bound<DeployedOutput>[], reads: boolean) {
  const things = new Things(view)
  const lines = [
    ...things.want(view.wanted, 'text'),
    ...view.steps.flatMap(step => ('call' in step ? things.call(step, all) : 'place' in step ? things.place(step) : [])),
  ]
  const named = given.map(
    ({ thing }): Named => ({
      thing,
      name: things.code(thing),
      type: `MLShapedArray<${things.elements(thing)}>`,
    }),
  )
  const fields = [...named.map(({ name }) => `${name}: ${name}`), ...(reads ? ['tokenCount: text.count'] : [])]
  return { lines: [...lines, ...argumentLines('return Reading', fields, '')], named, parameters: things.parameters }
}

interface Use {
  readonly view: PipelineView
  readonly given: readonly Bound<DeployedOutput>[]
  readonly named: readonly Named[]
  readonly task: string
  readonly reads: boolean
  readonly pictured: boolean
  readonly parameters: readonly string[]
}

/** What an app wants of the outputs: vectors to compare, labels. */
function uses({ view, given, named, task, reads, pictured, parameters }: Use): string[] {
  const ask = `read(${passed(parameters)})`
  const single = parameters.filter(parameter => !parameter.startsWith('segments'))
  const of = (thing: string) => named.find(each => each.thing === thing)?.name ?? ''
  const [first] = view.steps.filter((step): step is CallStep => 'call' in step)
  const embedding = given.find(({ role, shape }) => role === 'embedding' && shape.length === 2 && shape[0] === 1)
  const lines: string[] = []
  if (embedding) {
    const dot = embedding.similarity === 'dot'
    lines.push(
      '',
      `/// The vector of a ${pictured ? 'picture' : 'text'}. Two are compared with \`similarity\`.`,
      ...argumentLines('func embed', single, ' throws -> [Float] {'),
      `  try read(${passed(single)}).${of(embedding.thing)}.scalars.map { Float($0) }`,
      '}',
      '',
      ...(dot
        ? [
            '/// How alike two vectors are; lengths count.',
            'static func similarity(_ a: [Float], _ b: [Float]) -> Float {',
            '  dotProduct(a, b)',
            '}',
          ]
        : [
            '/// How alike two vectors are, from -1 to 1.',
            'static func similarity(_ a: [Float], _ b: [Float]) -> Float {',
            '  cosineSimilarity(a, b)',
            '}',
          ]),
    )
  }
  const [scores, ...others] = given
  const [callable] = first ? view.functions(first.call) : []
  if (!reads || !scores || others.length > 0 || !callable || !/classification$/.test(task) || pictured) return lines
  const count = scores.shape.at(-1) ?? 0
  const whole = scores.shape.length === 2 && scores.shape[0] === 1
  const each = scores.shape.length === 3 && scores.shape[0] === 1 && scores.rows !== undefined
  if (whole && count === 1)
    lines.push(
      '',
      '/// The score of a text.',
      ...argumentLines('func score', parameters, ' throws -> Float {'),
      `  try Float(${ask}.${of(scores.thing)}.scalars[0])`,
      '}',
    )
  else if (whole)
    lines.push(
      '',
      '/// The labels of a text with their probabilities, the most likely first: where one excludes the others.',
      ...argumentLines('func classify', parameters, ' throws -> [(label: String, probability: Float)] {'),
      `  let scores = try ${ask}.${of(scores.thing)}.scalars.map { Float($0) }`,
      `  return rankedLabels(scores, names: labels(of: ${callable.property}.model))`,
      '}',
    )
  else if (each)
    lines.push(
      '',
      '/// The most likely label of every token, by its place among the ids.',
      ...argumentLines('func classifyTokens', parameters, ' throws -> [(label: String, probability: Float)] {'),
      `  let reading = try ${ask}`,
      `  let names = labels(of: ${callable.property}.model)`,
      '  return (0 ..< reading.tokenCount).compactMap { place in',
      `    rankedLabels(reading.${of(scores.thing)}[0, place].scalars.map { Float($0) }, names: names).first`,
      '  }',
      '}',
    )
  return lines
}

/** What a method hands on that declares these parameters. */
const passed = (parameters: readonly string[]): string =>
  parameters
    .map(parameter => {
      const [label = '', name = label] = (parameter.split(':')[0] ?? '').split(' ')
      return label === '_' ? name : `${label}: ${name}`
    })
    .join(', ')
