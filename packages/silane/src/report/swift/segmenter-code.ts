import type { CallStep } from '@silane/core'
import type { DeployedTensor } from '../../manifest.ts'
import type { Bound } from '../../pipeline/borders.ts'
import { argumentLines } from './argument-lines.ts'
import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import { linesOf } from './lines-of.ts'
import { type Method, methodHead } from './method.ts'
import { neededThings } from './needed-things.ts'
import type { Owner } from './owner.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { preparation } from './preparation.ts'
import { readThings } from './read-things.ts'
import { scalar } from './scalar.ts'
import { Things } from './things.ts'

/** Swift that gives the masks of what points and a box show in a picture; undefined where a pipeline does not do that. */
export function segmenterCode(view: PipelineView): Owner | undefined {
  const ofRole = (role: DeployedTensor['role']) => view.wanted.find(input => input.role === role)
  const [points, labels, box, pixels] = [ofRole('points'), ofRole('labels'), ofRole('box'), view.wanted.find(isPictureInput)]
  const [masks, scores] = [view.given.find(({ role }) => role === 'masks'), view.given.find(({ role }) => role === 'scores')]
  const calls = view.steps.filter(step => 'call' in step)
  if (!points || !labels || !pixels || !masks || !scores || calls.length < view.steps.length) return undefined
  const [reading, asking] = apart(calls, pixels.thing)
  const things = new Things(view)
  things.hold(pixels.thing, { code: 'prepared.pixels' })
  const read = reading.flatMap(step => things.call(step, readThings(calls)))
  const kept = [...neededThings(asking)]
    .filter(thing => reading.some(({ gives }) => Object.hasOwn(gives, thing)))
    .map(thing => ({ thing, name: things.code(thing), elements: things.elements(thing) }))
  for (const { thing, name, elements } of kept) things.hold(thing, { code: `picture.${name}`, shaped: elements })
  const prompt = { points, labels, ...(box ? { box } : {}) }
  const inputs = Object.values(prompt)
  for (const { thing } of inputs) things.name(thing)
  things.want(view.wanted.filter(input => input !== pixels && !inputs.includes(input)))
  const asked = asking.flatMap(step => things.call(step, new Set([...readThings(asking), masks.thing, scores.thing])))
  const functions = [...new Set(calls.flatMap(({ call }) => view.functions(call).slice(0, 1)))]
  const reader: Method = { name: 'read', parameters: [{ label: '_', name: 'picture', type: 'CGImage' }], result: 'ReadPicture' }
  const segment: Method = {
    name: 'segment',
    parameters: [
      { label: '_', name: 'picture', type: 'ReadPicture' },
      { name: 'points', type: '[PromptPoint]', ...(box ? { default: '[]' } : {}) },
      ...(box ? [{ name: 'box', type: 'CGRect' }] : []),
      ...things.parameters,
    ],
    result: 'PictureMask',
  }
  const [count = 1, height = 1, width = 1] = masks.shape.slice(-3)
  const [, , frameHeight, frameWidth] = pixels.shape
  const names = { masks: things.code(masks.thing), scores: things.code(scores.thing) }
  const code = [
    ...linesOf(types),
    '',
    'final class Segmenter {',
    ...indent([
      '/// A picture that was read once and can be asked about often.',
      'struct ReadPicture {',
      '  let width: Int',
      '  let height: Int',
      '  /// The part of what the program read that the picture fills.',
      '  let resizedWidth: Int',
      '  let resizedHeight: Int',
      ...kept.map(({ name, elements }) => `  let ${name}: MLShapedArray<${elements}>`),
      '}',
      '',
      ...ownerCode(functions),
      '',
      ...methodHead(reader),
      `  let prepared = try ${preparation(pixels)}(of: picture)`,
      ...indent(read),
      ...indent(argumentLines('return ReadPicture', [...sizes, ...kept.map(({ name }) => `${name}: ${name}`)], '')),
      '}',
      '',
      `/// The best of ${count} masks: the one that the model gives the highest score.${box ? ' `box` is in pixels of the picture, from its upper left corner.' : ''}`,
      ...methodHead(segment),
      ...indent(promptCode(prompt, things)),
      ...indent(asked),
      `  let scores = ${names.scores}.scalars.map { Float($0) }`,
      '  guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else { throw ProgramError.nothingToChoose }',
      `  let values = ${names.masks}.scalars[best * ${height * width} ..< (best + 1) * ${height * width}].map { Float($0) }`,
      '  // As large as what the program read, cut to the part that the picture fills, then as large as the picture: two resizes do not',
      '  // merge into one.',
      `  let plane = Plane(width: ${width}, height: ${height}, values: values)`,
      `    .resized(width: ${frameWidth}, height: ${frameHeight})`,
      '    .cropped(width: picture.resizedWidth, height: picture.resizedHeight)',
      '    .resized(width: picture.width, height: picture.height)',
      '  return PictureMask(width: picture.width, height: picture.height, score: scores[best], inside: plane.values.map { $0 > 0 })',
      '}',
    ]),
    '}',
    '',
    ...linesOf(plane),
  ]
  return { name: 'Segmenter', methods: [reader, segment], code }
}

const sizes = ['width: picture.width', 'height: picture.height', 'resizedWidth: prepared.width', 'resizedHeight: prepared.height']

/** The calls that read nothing but the picture, and those that read the prompt. */
function apart(calls: readonly CallStep[], pixels: string): readonly [CallStep[], CallStep[]] {
  const made = new Set([pixels])
  const reading = calls.filter(({ feeds, gives }) => {
    const whole = Object.values(feeds).every(thing => made.has(thing))
    if (whole) for (const thing of Object.keys(gives)) made.add(thing)
    return whole
  })
  return [reading, calls.filter(call => !reading.includes(call))]
}

interface Prompt {
  readonly points: Bound<DeployedTensor>
  readonly labels: Bound<DeployedTensor>
  readonly box?: Bound<DeployedTensor>
}

/** The prompt in pixels of the resized picture; places that no point takes get the label that says so. */
function promptCode({ points, labels, box }: Prompt, things: Things): string[] {
  const places = points.shape.at(-2) ?? 0
  const { absent } = labels
  const floats = (input: DeployedTensor, code: string) => (scalar(input) === 'Float' ? code : `(${code}).map { ${scalar(input)}($0) }`)
  const rest = (type: string, value: number, count: string) =>
    absent === undefined ? '' : ` + [${type}](repeating: ${value}, count: ${count})`
  const coordinates = `points.flatMap { [$0.x * across, $0.y * down] }${rest('Float', 0, '2 * free')}`
  const corners = '[Float(box.minX) * across, Float(box.minY) * down, Float(box.maxX) * across, Float(box.maxY) * down]'
  return [
    `guard ${absent === undefined ? `points.count == ${places}` : `(${box ? 0 : 1} ... ${places}).contains(points.count)`} else { throw ProgramError.wrongCount(points.count) }`,
    'let across = Float(picture.resizedWidth) / Float(picture.width)',
    'let down = Float(picture.resizedHeight) / Float(picture.height)',
    ...(absent === undefined ? [] : [`let free = ${places} - points.count`]),
    `let ${things.code(points.thing)}: [${scalar(points)}] = ${floats(points, coordinates)}`,
    ...(absent === undefined ? [] : [`// ${absent}: no point stands here.`]),
    `let ${things.code(labels.thing)}: [${scalar(labels)}] = points.map { ${scalar(labels)}($0.label) }${rest(scalar(labels), absent ?? 0, 'free')}`,
    ...(box ? [`let ${things.code(box.thing)}: [${scalar(box)}] = ${floats(box, corners)}`] : []),
  ]
}

const types = `
/// A place in pixels of the picture, from its upper left corner. \`label\`: 1 where it belongs to what is meant, 0 where it does not.
struct PromptPoint {
  var x: Float
  var y: Float
  var label = 1
}

/// What is inside, row by row at the size of the picture, and how good the model thinks that this is.
struct PictureMask {
  let width: Int
  let height: Int
  let score: Float
  let inside: [Bool]
}`

const plane = `
/// Numbers in rows.
struct Plane {
  let width: Int
  let height: Int
  let values: [Float]

  /// At another size: bilinear between the middles of pixels, as the model's own code does it.
  func resized(width newWidth: Int, height newHeight: Int) -> Plane {
    let columns = Plane.neighbours(from: width, to: newWidth)
    let rows = Plane.neighbours(from: height, to: newHeight)
    var result: [Float] = []
    result.reserveCapacity(newWidth * newHeight)
    for row in rows {
      for column in columns {
        let upper = mixed(row.low * width + column.low, row.low * width + column.high, column.rest)
        let lower = mixed(row.high * width + column.low, row.high * width + column.high, column.rest)
        result.append(upper * (1 - row.rest) + lower * row.rest)
      }
    }
    return Plane(width: newWidth, height: newHeight, values: result)
  }

  /// The upper left part.
  func cropped(width newWidth: Int, height newHeight: Int) -> Plane {
    let rows = (0 ..< newHeight).flatMap { values[$0 * width ..< $0 * width + newWidth] }
    return Plane(width: newWidth, height: newHeight, values: rows)
  }

  private func mixed(_ first: Int, _ second: Int, _ rest: Float) -> Float {
    values[first] * (1 - rest) + values[second] * rest
  }

  /// For each place its two neighbours, and how far it is from the first.
  private static func neighbours(from count: Int, to newCount: Int) -> [(low: Int, high: Int, rest: Float)] {
    (0 ..< newCount).map { place in
      let at = max(0, (Float(place) + 0.5) * Float(count) / Float(newCount) - 0.5)
      let low = min(Int(at), count - 1)
      return (low: low, high: min(low + 1, count - 1), rest: min(at - Float(low), 1))
    }
  }
}`
