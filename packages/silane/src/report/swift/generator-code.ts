import type { Json } from '@silane/core'
import type { Manifest } from '../../manifest.ts'
import { stepsToDecode } from '../../pipeline/steps-for.ts'
import { argumentLines } from './argument-lines.ts'
import { decoderCode } from './decoder-code.ts'
import { decoderView } from './decoder-view.ts'
import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import { linesOf } from './lines-of.ts'
import { type Method, methodHead } from './method.ts'
import type { Owner } from './owner.ts'
import { ownerCode } from './owner-code.ts'
import type { PipelineView } from './pipeline-view.ts'
import { readThings } from './read-things.ts'
import { Things } from './things.ts'

/** Swift that writes a text, about a picture where a pipeline reads one; undefined where it decodes nothing. */
export function generatorCode({ pipeline }: Manifest, whole: PipelineView): Owner | undefined {
  const steps = stepsToDecode(whole.steps, new Set(whole.wanted.map(({ thing }) => thing)))
  const decode = steps.find(step => 'decode' in step)
  const decoder = decode && decoderView(decode, whole)
  if (!decoder) return undefined
  const needed = readThings(steps)
  const wanted = whole.wanted.filter(({ thing }) => needed.has(thing))
  const places = imageTokens(pipeline.image_tokens)
  const pictured = wanted.some(isPictureInput)
  const encoded = wanted.some(({ role }) => role === 'ids')
  const ids = places ? 'ids' : 'text'
  const things = new Things(whole)
  const longest =
    encoded && !places ? Math.min(...wanted.filter(input => input.role === 'ids').map(({ shape }) => shape[1] ?? 0)) : undefined
  const before = [
    ...(longest === undefined ? [] : [`let text = truncated(text, to: ${longest})`]),
    ...(places ? [`let ids = [Int32](repeating: ${places.id}, count: ${places.count}) + text`] : []),
    ...things.want(wanted, encoded ? ids : undefined),
    ...steps.flatMap(step => ('call' in step ? things.call(step, needed) : 'place' in step ? things.place(step) : [])),
  ]
  const { members, memory } = decoderCode(decoder, things)
  const start = numbersOf(pipeline.generation, 'decoder_start_token_id')[0]
  const stops = numbersOf(pipeline.generation, 'eos_token_id')
  const prompt = promptOf({ encoded, pictured, ids, placed: places !== undefined, start })
  const generate: Method = {
    name: 'generate',
    parameters: [
      ...(pictured ? [{ label: 'about', name: 'picture', type: 'CGImage' }] : []),
      { name: 'text', type: '[Int32]', role: 'ids', ...(pictured && !encoded && !places ? { default: '[]' } : {}) },
      ...things.parameters,
      ...(prompt.includes('startToken') && start === undefined ? [{ name: 'startToken', type: 'Int32' }] : []),
      ...(stops.length > 0 ? [] : [{ name: 'stopTokens', type: 'Set<Int32>' }]),
      { name: 'choice', type: 'Choice', default: '.greedy' },
      { name: 'maxTokens', type: 'Int', default: '20' },
    ],
    result: '[Int32]',
  }
  const functions = [
    ...steps.flatMap(step => ('call' in step ? whole.functions(step.call).slice(0, 1) : [])),
    ...decoder.reads.flatMap(({ embed, parts }) => [...(embed ? [embed] : []), ...parts]),
  ]
  const code = [
    'final class Generator {',
    ...indent([
      ...linesOf(choice),
      '',
      ...(stops.length > 0 ? ['/// Tokens that end a text.', `let stopTokens: Set<Int32> = [${stops.join(', ')}]`] : []),
      ...(start !== undefined && prompt.includes('startToken') ? ['/// What a text begins with.', `let startToken: Int32 = ${start}`] : []),
      ...ownerCode([...new Set(functions)]),
      '',
      ...about({ encoded, pictured, places, form: pipeline.question, generate }),
      ...methodHead(generate),
      ...indent(before),
      ...indent(argumentLines('var memory = Memory', memory, '')),
      `  var tokens = try [choose(read(${prompt}, into: &memory), choice)]`,
      '  while let last = tokens.last, !stopTokens.contains(last), tokens.count < maxTokens, memory.length < Self.context {',
      '    try tokens.append(choose(read([last], into: &memory), choice))',
      '  }',
      '  return tokens',
      '}',
      '',
      ...members,
    ]),
    '}',
  ]
  return { name: 'Generator', methods: [generate], code }
}

const choice = `
/// How the next token is chosen.
enum Choice {
  /// The most likely one.
  case greedy
  /// By chance, among the \`topK\` most likely ones and of these the ones that make up \`topP\`.
  case sampled(temperature: Float = 1, topK: Int = 50, topP: Float = 1)
}`

interface Reading {
  /** Whether an encoder reads the text. */
  readonly encoded: boolean
  readonly pictured: boolean
}

/** What the decoder reads first. */
function promptOf({
  encoded,
  pictured,
  ids,
  placed,
  start,
}: Reading & { ids: string; placed: boolean; start: number | undefined }): string {
  if (encoded) return '[startToken]'
  return pictured && !placed && start !== undefined ? `[startToken] + ${ids}` : ids
}

interface Asked extends Reading {
  readonly places: { readonly id: number; readonly count: number } | undefined
  readonly form: Json | undefined
  readonly generate: Method
}

/** What a caller has to know of the parameters. */
function about({ encoded, pictured, places, form, generate }: Asked): string[] {
  const has = (name: string) => generate.parameters.some(parameter => parameter.name === name)
  const reading =
    pictured && !encoded && !places
      ? 'ids of how it begins, without what the tokenizer puts around a text.'
      : `ids ${encoded && pictured && !places ? 'of a question' : 'of a text'}, with what the tokenizer puts around it${places ? '; those of a picture are put before them' : ''}.`
  return [
    `/// The ids of a text${pictured ? ' about a picture' : ''}, up to one that ends it, and that one. What generation_config.json may ask for besides,`,
    '/// such as beams and penalties, is not here.',
    `/// \`text\`: ${reading}`,
    ...(typeof form === 'string' ? [`/// A question is asked as \`${form}\`.`] : []),
    ...(has('startToken') ? ['/// `startToken`: decoder_start_token_id of generation_config.json or config.json.'] : []),
    ...(has('stopTokens') ? ['/// `stopTokens`: eos_token_id of generation_config.json or config.json.'] : []),
  ]
}

function imageTokens(found: Json | undefined): Asked['places'] {
  const [id] = numbersOf(found, 'id')
  const [count] = numbersOf(found, 'count')
  return id === undefined || count === undefined ? undefined : { id, count }
}

/** A number, or numbers, in an object of silane.json. */
function numbersOf(from: Json | undefined, name: string): readonly number[] {
  const found: unknown = typeof from === 'object' && from !== null ? Reflect.get(from, name) : undefined
  return (Array.isArray(found) ? found : [found]).filter(each => typeof each === 'number')
}
