import { helpersFor } from './helpers-for.ts'
import { identifier } from './identifier.ts'
import { indent } from './indent.ts'
import { neededThings } from './needed-things.ts'
import { ownerCode } from './owner-code.ts'
import { isPictureInput, type PipelineView } from './pipeline-view.ts'
import { scalar } from './scalar.ts'
import { Things } from './things.ts'

/** Swift that calls the programs of a pipeline in order, for one picture; undefined where more is to be done than calls. */
export function callsCode(view: PipelineView): string[] | undefined {
  if (view.steps.some(step => 'decode' in step || 'host' in step) || !view.wanted.some(isPictureInput)) return undefined
  const things = new Things(view)
  const all = new Set([...neededThings(view.steps), ...view.given.map(({ thing }) => thing)])
  const body = [
    ...things.want(view.wanted, 'text'),
    ...view.steps.flatMap(step => ('call' in step ? things.call(step, all) : 'place' in step ? things.place(step) : [])),
  ]
  const reads = view.wanted.some(({ role }) => role === 'ids')
  const parameters = ['_ picture: CGImage', ...(reads ? ['text: [Int32]'] : []), ...things.parameters]
  const functions = [...new Set(view.steps.flatMap(step => ('call' in step ? view.functions(step.call).slice(0, 1) : [])))]
  const named = view.given.map(({ thing, ...output }) => ({ name: identifier(thing), type: `MLShapedArray<${scalar(output)}>` }))
  const [only, ...more] = named
  const result = only && more.length === 0 ? only.type : `(${named.map(({ name, type }) => `${name}: ${type}`).join(', ')})`
  const returned = only && more.length === 0 ? only.name : `(${named.map(({ name }) => `${name}: ${name}`).join(', ')})`
  const code = [
    'final class PictureReader {',
    ...indent([
      ...ownerCode(functions),
      '',
      `/// What the programs give for a picture${reads ? ' and a text, whose ids the tokenizer gives with what it puts around a text' : ''}.`,
      `func read(${parameters.join(', ')}) throws -> ${result} {`,
      ...indent(body),
      `  return ${returned}`,
      '}',
    ]),
    '}',
  ]
  return ['import CoreGraphics', 'import CoreML', '', ...code, ...helpersFor(code)]
}
