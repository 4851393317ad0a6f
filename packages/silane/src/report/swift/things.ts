import type { CallStep, PlaceStep } from '@silane/core'
import type { DeployedOutput, DeployedTensor } from '../../manifest.ts'
import type { Bound } from '../../pipeline/borders.ts'
import { identifier } from './identifier.ts'
import { isHanded } from './is-handed.ts'
import { parameterType } from './parameter-type.ts'
import { isPictureInput, type PipelineView } from './pipeline-view.ts'
import { scalar } from './scalar.ts'

/** What Swift has for a thing: a value of the type that programs take it as, or a shaped array as they give it. */
interface Held {
  readonly code: string
  /** The elements of a shaped array. */
  readonly shaped?: string
}

/** The things of a pipeline while its Swift is written: which there are, and under which expression. */
export class Things {
  readonly #held = new Map<string, Held>()
  readonly #view: PipelineView
  /** What Swift has to be handed for things that nothing here makes. */
  readonly parameters: string[] = []

  constructor(view: PipelineView) {
    this.#view = view
  }

  has(thing: string): boolean {
    return this.#held.has(thing)
  }

  hold(thing: string, held: Held): void {
    this.#held.set(thing, held)
  }

  /** The things that steps want from outside: pixels of `picture`, ids and their mask of the Swift expression `ids`, others as parameters. */
  want(inputs: readonly Bound<DeployedTensor>[], ids?: string): string[] {
    return inputs.flatMap(input => {
      const name = identifier(input.thing)
      this.hold(input.thing, { code: name })
      const length = input.shape[1] ?? 0
      if (isPictureInput(input)) return [`let ${name} = try ${preparation(input)}(of: picture).pixels`]
      if (ids !== undefined && input.role === 'ids') return [`let ${name} = try padded(${ids}, to: ${length})`]
      if (ids !== undefined && input.role === 'mask')
        return [`let ${name}: [${scalar(input)}] = (0 ..< ${length}).map { $0 < ${ids}.count ? 1 : 0 }`]
      this.parameters.push(`${name}: ${parameterType(input)}`)
      return []
    })
  }

  /** A thing as an input takes it. */
  as(thing: string, input: DeployedTensor): string {
    const held = this.#held.get(thing) ?? { code: identifier(thing) }
    if (held.shaped === undefined) return held.code
    if (!isHanded(input)) return `${held.code}.scalars`
    const { code } = held
    return `MLMultiArray(${held.shaped === scalar(input) ? code : `MLShapedArray<${scalar(input)}>(converting: ${code})`})`
  }

  /** The expression of a thing as it is. */
  code(thing: string): string {
    return this.#held.get(thing)?.code ?? identifier(thing)
  }

  /** The elements of a thing that a program gave. */
  elements(thing: string): string {
    return this.#held.get(thing)?.shaped ?? 'Float'
  }

  /** Calls a program, and keeps of what it gives what is needed. */
  call({ call, feeds, gives }: CallStep, needed: ReadonlySet<string>): string[] {
    const [callable] = this.#view.functions(call)
    if (!callable) return []
    const { fn, property } = callable
    const fed = fn.inputs.map(input => `${identifier(input.name)}: ${this.as(feeds[input.name] ?? input.name, input)}`)
    const short = fed.join(', ')
    const called = `try ${property}.predict(${short.length > 60 ? `\n  ${short}` : short})`
    const kept = Object.entries(gives).flatMap(([thing, name]) => {
      const output = fn.outputs.find(each => each.name === name)
      return output && needed.has(thing) ? [{ thing, output }] : []
    })
    for (const { thing, output } of kept) this.hold(thing, { code: identifier(thing), shaped: scalar(output) })
    const field = ({ name }: DeployedOutput) => (fn.outputs.length > 1 ? `.${identifier(name)}` : '')
    const [only, ...more] = kept
    if (only && more.length === 0) return `let ${identifier(only.thing)} = ${called}${field(only.output)}`.split('\n')
    const outputs = `${property}Outputs`
    return [
      ...`let ${outputs} = ${called}`.split('\n'),
      ...kept.map(({ thing, output }) => `let ${identifier(thing)} = ${outputs}${field(output)}`),
    ]
  }

  /** Puts rows in the places of vectors. */
  place({ place, feeds: { ids, vectors, rows }, gives }: PlaceStep): string[] {
    const shaped = this.#held.get(vectors)?.shaped
    return Object.keys(gives).map(thing => {
      const name = identifier(thing)
      this.hold(thing, { code: name, ...(shaped === undefined ? {} : { shaped }) })
      return `let ${name} = try placing(${this.code(rows)}, where: ${place}, in: ${this.code(ids)}, among: ${this.code(vectors)})`
    })
  }
}

/** The Swift function that makes of a picture what this input reads. */
export const preparation = ({ name }: Pick<DeployedTensor, 'name'>): string => {
  const word = identifier(name)
  return `prepare${word.charAt(0).toUpperCase()}${word.slice(1)}`
}
