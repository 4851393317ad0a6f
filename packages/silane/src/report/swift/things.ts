import { type CallStep, own, type PlaceStep } from '@silane/core'
import type { DeployedOutput, DeployedTensor } from '../../manifest.ts'
import type { Bound } from '../../pipeline/borders.ts'
import { argumentLines } from './argument-lines.ts'
import { identifier } from './identifier.ts'
import { isHanded } from './is-handed.ts'
import { isPictureInput } from './is-picture-input.ts'
import { isText } from './is-text.ts'
import type { Parameter } from './method.ts'
import { parameterType } from './parameter-type.ts'
import type { PipelineView } from './pipeline-view.ts'
import { preparation } from './preparation.ts'
import { scalar } from './scalar.ts'

/** What Swift has for a thing: a value of the type that programs take it as, or a shaped array as they give it. */
interface Held {
  readonly code: string
  /** The elements of a shaped array. */
  readonly shaped?: string
}

/** Names that the Swift around the calls has for something else. */
const taken = `across best choice box count down exponentials free height ids largest last maxTokens memory picture plane points prepared ranked reading
  resizedHeight resizedWidth scores segments startToken stopTokens sum text tokens values width`

/** The things of a pipeline while its Swift is written: which there are, and under which expression. */
export class Things {
  readonly #held = new Map<string, Held>()
  readonly #names: Set<string>
  readonly #view: PipelineView
  /** What Swift has to be handed for things that nothing here makes. */
  readonly parameters: Parameter[] = []

  constructor(view: PipelineView) {
    this.#view = view
    this.#names = new Set([...taken.split(/\s+/), ...view.owned.map(({ property }) => property)])
  }

  /** Holds a thing under a name that nothing else has: steps may give a thing of one name again and again. */
  name(thing: string, shaped?: string): string {
    const plain = identifier(thing)
    let name = plain
    for (let i = 2; this.#names.has(name); i++) name = `${plain}${i}`
    this.#names.add(name)
    this.hold(thing, { code: name, ...(shaped === undefined ? {} : { shaped }) })
    return name
  }

  hold(thing: string, held: Held): void {
    this.#held.set(thing, held)
  }

  /** The things that steps want from outside: pixels of `picture`, ids and their mask of the Swift expression `ids`, others as parameters. */
  want(inputs: readonly Bound<DeployedTensor>[], ids?: string): string[] {
    return inputs.flatMap(input => {
      const name = this.name(input.thing)
      const length = input.shape[1] ?? 0
      if (isPictureInput(input)) return [`let ${name} = try ${preparation(input)}(of: picture).pixels`]
      if (ids !== undefined && isText(input) && input.role === 'segments')
        return [`let ${name} = try padded(truncated(segments, to: ${length}), to: ${length})`]
      if (ids !== undefined && isText(input) && input.role === 'ids') return [`let ${name} = try padded(${ids}, to: ${length})`]
      if (ids !== undefined && isText(input) && input.role === 'mask')
        return [`let ${name}: [${scalar(input)}] = (0 ..< ${length}).map { $0 < ${ids}.count ? 1 : 0 }`]
      this.parameters.push({ name, type: parameterType(input) })
      return []
    })
  }

  /** A thing as an input takes it. */
  as(thing: string, input: DeployedTensor): string {
    const held = this.#held.get(thing) ?? { code: identifier(thing) }
    if (held.shaped === undefined) return held.code
    if (!isHanded(input)) return `${held.code}.scalars`
    const { code } = held
    return `MLMultiArray(${held.shaped === scalar(input) ? code : `MLShapedArray<${scalar(input)}>(converting: MLMultiArray(${code}))`})`
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
    const fed = fn.inputs.map(input => `${identifier(input.name)}: ${this.as(own(feeds, input.name) ?? input.name, input)}`)
    const called = (before: string, after: string) => argumentLines(`${before} = try ${property}.predict`, fed, after)
    const kept = Object.entries(gives).flatMap(([thing, name]) => {
      const output = fn.outputs.find(each => each.name === name)
      return output && needed.has(thing) ? [{ thing, output }] : []
    })
    const field = ({ name }: DeployedOutput) => (fn.outputs.length > 1 ? `.${identifier(name)}` : '')
    const named = kept.map(({ thing, output }) => ({ name: this.name(thing, scalar(output)), output }))
    const [only, ...more] = named
    if (only && more.length === 0) return called(`let ${only.name}`, field(only.output))
    const outputs = `${property}Outputs`
    return [...called(`let ${outputs}`, ''), ...named.map(({ name, output }) => `let ${name} = ${outputs}${field(output)}`)]
  }

  /** Puts rows in the places of vectors. */
  place({ place, feeds: { ids, vectors, rows }, gives }: PlaceStep): string[] {
    const placed = `placing(${this.code(rows)}, forId: ${place}, of: ${this.code(ids)}, among: ${this.code(vectors)})`
    return Object.keys(gives).map(thing => `let ${this.name(thing, this.elements(vectors))} = try ${placed}`)
  }
}
