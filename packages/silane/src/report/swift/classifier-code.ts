import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import { type Method, methodHead } from './method.ts'
import type { Owner } from './owner.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { readThings } from './read-things.ts'
import { Things } from './things.ts'

/** Swift that says what a picture shows; undefined where a pipeline does not give one row of scores for one picture. */
export function classifierCode(view: PipelineView): Owner | undefined {
  const [output, ...others] = view.given
  const calls = view.steps.filter(step => 'call' in step)
  if (!output || others.length > 0 || output.shape.length !== 2 || output.shape[0] !== 1) return undefined
  if (calls.length < view.steps.length || !view.wanted.some(isPictureInput)) return undefined
  const last = calls.flatMap(({ call }) => view.functions(call).slice(0, 1)).at(-1)
  const things = new Things(view)
  const body = [
    ...things.want(view.wanted),
    ...calls.flatMap(step => things.call(step, new Set([...readThings(calls), output.thing]))),
    `let scores = ${things.code(output.thing)}.scalars.map { Float($0) }`,
    `return Array(rankedLabels(scores, names: labels(of: ${last?.property}.model)).prefix(count))`,
  ]
  const classify: Method = {
    name: 'classify',
    parameters: [{ label: '_', name: 'picture', type: 'CGImage' }, ...things.parameters, { name: 'count', type: 'Int', default: '5' }],
    result: '[(label: String, probability: Float)]',
  }
  const functions = [...new Set(calls.flatMap(({ call }) => view.functions(call).slice(0, 1)))]
  const code = [
    'final class Classifier {',
    ...indent([
      ...ownerCode(functions),
      '',
      '/// The labels of a picture, the most likely first.',
      ...methodHead(classify),
      ...indent(body),
      '}',
    ]),
    '}',
  ]
  return { name: 'Classifier', methods: [classify], code }
}
