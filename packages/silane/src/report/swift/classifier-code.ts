import { helpersFor } from './helpers-for.ts'
import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import { linesOf } from './lines-of.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { readThings } from './read-things.ts'
import { Things } from './things.ts'

/** Swift that says what a picture shows; undefined where a pipeline does not give one row of scores for one picture. */
export function classifierCode(view: PipelineView): string[] | undefined {
  const [output, ...others] = view.given
  const calls = view.steps.filter(step => 'call' in step)
  if (!output || others.length > 0 || output.shape.length !== 2 || output.shape[0] !== 1) return undefined
  if (calls.length < view.steps.length || !view.wanted.some(isPictureInput)) return undefined
  const things = new Things(view)
  const body = [
    ...things.want(view.wanted),
    ...calls.flatMap(step => things.call(step, new Set([...readThings(calls), output.thing]))),
    `let scores = ${things.code(output.thing)}.scalars.map { Float($0) }`,
    ...linesOf(softmax),
  ]
  const parameters = ['_ picture: CGImage', ...things.parameters, 'count: Int = 5']
  const functions = [...new Set(calls.flatMap(({ call }) => view.functions(call).slice(0, 1)))]
  const code = [
    'final class Classifier {',
    ...indent([
      ...ownerCode(functions),
      '',
      ...linesOf(labels),
      '',
      '/// The labels of a picture, the most likely first.',
      `func classify(${parameters.join(', ')}) throws -> [(label: String, probability: Float)] {`,
      ...indent(body),
      '}',
    ]),
    '}',
  ]
  return ['import CoreGraphics', 'import CoreML', 'import Foundation', '', ...code, ...helpersFor(code)]
}

const labels = `
/// By the numbers of classes, from the config.json of this folder: add the file to the target.
private lazy var labels = Classifier.readLabels()

private struct Configuration: Decodable {
  let id2label: [String: String]?
}

private static func readLabels() -> [String: String] {
  guard
    let url = Bundle.main.url(forResource: "config", withExtension: "json"),
    let data = try? Data(contentsOf: url),
    let configuration = try? JSONDecoder().decode(Configuration.self, from: data)
  else { return [:] }
  return configuration.id2label ?? [:]
}`

const softmax = `
let largest = scores.max() ?? 0
let exponentials = scores.map { exp($0 - largest) }
let sum = exponentials.reduce(0, +)
let ranked = exponentials.enumerated().sorted { $0.element > $1.element }.prefix(count)
return ranked.map { (label: labels["\\($0.offset)"] ?? "LABEL_\\($0.offset)", probability: $0.element / sum) }`
