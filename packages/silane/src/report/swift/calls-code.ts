import { argumentLines } from './argument-lines.ts'
import { helpersFor } from './helpers-for.ts'
import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { readThings } from './read-things.ts'
import { Things } from './things.ts'

/** Swift that calls the programs of a pipeline in order, for one picture; undefined where more is to be done than calls. */
export function callsCode(view: PipelineView): string[] | undefined {
  if (view.steps.some(step => 'decode' in step || 'host' in step) || !view.wanted.some(isPictureInput)) return undefined
  const things = new Things(view)
  const all = new Set([...readThings(view.steps), ...view.given.map(({ thing }) => thing)])
  const body = [
    ...things.want(view.wanted, 'text'),
    ...view.steps.flatMap(step => ('call' in step ? things.call(step, all) : 'place' in step ? things.place(step) : [])),
  ]
  const reads = view.wanted.some(({ role }) => role === 'ids')
  const parameters = ['_ picture: CGImage', ...(reads ? ['text: [Int32]'] : []), ...things.parameters]
  const functions = [...new Set(view.steps.flatMap(step => ('call' in step ? view.functions(step.call).slice(0, 1) : [])))]
  const given = [...new Set(view.given.filter(({ role }) => role !== 'hidden').map(({ thing }) => thing))]
  const named = given.map(thing => ({ name: things.code(thing), type: `MLShapedArray<${things.elements(thing)}>` }))
  const code = [
    'final class PictureReader {',
    ...indent([
      '/// What the programs give.',
      'struct Reading {',
      ...named.map(({ name, type }) => `  let ${name}: ${type}`),
      '}',
      '',
      ...ownerCode(functions),
      '',
      `/// What the programs give for a picture${reads ? ' and a text, whose ids the tokenizer gives with what it puts around a text' : ''}.`,
      ...argumentLines('func read', parameters, ' throws -> Reading {'),
      ...indent(body),
      ...indent(
        argumentLines(
          'return Reading',
          named.map(({ name }) => `${name}: ${name}`),
          '',
        ),
      ),
      '}',
    ]),
    '}',
  ]
  return ['import CoreGraphics', 'import CoreML', '', ...code, ...helpersFor(code)]
}
