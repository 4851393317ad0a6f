import { type CallStep, own, type Step } from '@silane/core'
import type { DeployedOutput, Manifest } from '../../manifest.ts'
import type { Bound } from '../../pipeline/borders.ts'
import { argumentLines } from './argument-lines.ts'
import type { Callable } from './callable.ts'
import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import { isText } from './is-text.ts'
import { type Method, methodHead, type Parameter, passed } from './method.ts'
import type { Owner } from './owner.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { readThings } from './read-things.ts'
import { Things } from './things.ts'

/** Swift that calls the programs of a pipeline in order; undefined where more is to be done than calls. */
export function readerCode(view: PipelineView, { model }: Pick<Manifest, 'model'>): Owner | undefined {
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
  const reader: Method = {
    name: 'read',
    parameters: [
      ...(pictured ? [{ label: '_', name: 'picture', type: 'CGImage' }] : []),
      ...(reads ? [{ ...(pictured ? {} : { label: '_' }), name: 'text', type: '[Int32]', role: 'ids' } as const] : []),
      ...(segments ? [{ name: 'segments', type: '[Int32]', default: '[]', role: 'segments' } as const] : []),
      ...first.parameters,
    ],
    result: 'Reading',
  }
  const used = uses({ view, given, named, task: model.task, reads, pictured, reader })
  const name = pictured ? 'PictureReader' : reads ? 'TextReader' : 'Reader'
  const functions = [...new Set(lengths.flatMap(({ view: each }) => each.steps.flatMap(step => called(step, each))))]
  const code = [
    `final class ${name} {`,
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
      ...methodHead(reader),
      ...(reads ? [`  let text = truncated(text, to: Self.longest)`] : []),
      ...bodies.flatMap(({ lines }, i) => {
        const length = lengths[i]?.length ?? 0
        return i < bodies.length - 1 ? [`  if text.count <= ${length} {`, ...indent(lines, 2), '  }'] : indent(lines)
      }),
      '}',
      ...used.flatMap(({ code }) => ['', ...code]),
    ]),
    '}',
  ]
  return { name, methods: [reader, ...used.map(({ method }) => method)], code }
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
      const wanted = callable.fn.inputs.map(input => ({ ...input, thing: own(step.feeds, input.name) ?? input.name }))
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
  readonly reader: Method
}

/** A method that does something with what is read, and all that is written for it. */
interface Used {
  readonly method: Method
  readonly code: readonly string[]
}

/** What an app wants of the outputs: vectors to compare, labels. */
const uses = (use: Use): readonly Used[] => [vectorsOf(use), labelsOf(use)].filter(used => used !== undefined)

const nameOf = (thing: string, named: readonly Named[]): string => named.find(each => each.thing === thing)?.name ?? ''

/** Calls `read` with what a method takes that has its parameters, or some of them. */
const asked = (parameters: readonly Parameter[]): string => `read(${parameters.map(each => passed(each, each.name)).join(', ')})`

function vectorsOf({ given, named, pictured, reader }: Use): Used | undefined {
  const embedding = given.find(({ role, shape }) => role === 'embedding' && shape.length === 2 && shape[0] === 1)
  if (!embedding) return undefined
  const parameters = reader.parameters.filter(({ role }) => role !== 'segments')
  const method: Method = { name: 'embed', parameters, result: '[Float]' }
  const [about, compare] = embedding.similarity === 'dot' ? ['; lengths count.', 'dotProduct'] : [', from -1 to 1.', 'cosineSimilarity']
  const code = [
    `/// The vector of a ${pictured ? 'picture' : 'text'}. Two are compared with \`similarity\`.`,
    ...methodHead(method),
    `  try ${asked(parameters)}.${nameOf(embedding.thing, named)}.scalars.map { Float($0) }`,
    '}',
    '',
    `/// How alike two vectors are${about}`,
    'static func similarity(_ a: [Float], _ b: [Float]) -> Float {',
    `  ${compare}(a, b)`,
    '}',
  ]
  return { method, code }
}

const ranked = '[(label: String, probability: Float)]'

function labelsOf({ view, given, named, task, reads, pictured, reader }: Use): Used | undefined {
  const [scores, ...others] = given
  const first = view.steps.find((step): step is CallStep => 'call' in step)
  const [callable] = first ? view.functions(first.call) : []
  if (!reads || !scores || others.length > 0 || !callable || !/classification$/.test(task) || pictured) return undefined
  const { parameters } = reader
  const whole = scores.shape.length === 2 && scores.shape[0] === 1
  const each = scores.shape.length === 3 && scores.shape[0] === 1 && scores.rows !== undefined
  const found = nameOf(scores.thing, named)
  const written = (method: Method, about: string, body: readonly string[]): Used => ({
    method,
    code: [`/// ${about}`, ...methodHead(method), ...indent(body), '}'],
  })
  if (whole && scores.shape.at(-1) === 1)
    return written({ name: 'score', parameters, result: 'Float' }, 'The score of a text.', [
      `try Float(${asked(parameters)}.${found}.scalars[0])`,
    ])
  if (whole)
    return written(
      { name: 'classify', parameters, result: ranked },
      'The labels of a text with their probabilities, the most likely first: where one excludes the others.',
      [
        `let scores = try ${asked(parameters)}.${found}.scalars.map { Float($0) }`,
        `return rankedLabels(scores, names: labels(of: ${callable.property}.model))`,
      ],
    )
  if (each)
    return written(
      { name: 'classifyTokens', parameters, result: ranked },
      'The most likely label of every token, by its place among the ids.',
      [
        `let reading = try ${asked(parameters)}`,
        `let names = labels(of: ${callable.property}.model)`,
        'return (0 ..< reading.tokenCount).compactMap { place in',
        `  rankedLabels(reading.${found}[0, place].scalars.map { Float($0) }, names: names).first`,
        '}',
      ],
    )
  return undefined
}
