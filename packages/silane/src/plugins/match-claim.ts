import { isDeepStrictEqual } from 'node:util'
import { type Checkpoint, type Json, type OptionValue, own } from '@silane/core'
import { isRecord } from './find-package.ts'
import type { Claim } from './plugin-manifest.ts'

/** What tells that a checkpoint is of the claim's family, the surest last: what it consists of, its architecture, its model type. */
export const evidence = ['content', 'architecture', 'model type'] as const

/** How a claim fares against a checkpoint: it holds when nothing is unmet; the more conditions it met, the more specific it is. */
export interface ClaimMatch {
  readonly by: (typeof evidence)[number]
  /** No architecture is named, and the claim has the one that this stands for. Claims that lack it hold too: there may be no other. */
  readonly plain: boolean
  readonly met: readonly string[]
  readonly unmet: readonly string[]
}

export type GivenOptions = Readonly<Record<string, OptionValue>>

type Subject = Pick<Checkpoint, 'config' | 'files' | 'tensorNames'>

/** Holds a claim against a checkpoint and the options asked for. */
export function matchClaim(claim: Claim, checkpoint: Subject, options: GivenOptions): ClaimMatch {
  const met: string[] = []
  const unmet: string[] = []
  const test = (holds: boolean, condition: string) => (holds ? met : unmet).push(condition)

  const { config: given } = checkpoint
  const { modelType, architectures } = claim
  const declared = Array.isArray(given.architectures) ? given.architectures : []
  const known = architectures?.find(name => declared.includes(name))
  // Before transformers 3 no model type was written. An architecture of the claim's is enough then: its name has the family's.
  const named = modelType !== undefined && given.model_type === modelType
  if (modelType !== undefined && (isSaid(given.model_type) || known === undefined)) test(named, `model_type is "${modelType}"`)
  if (architectures && declared.length > 0) {
    test(known !== undefined, `the architecture is ${known ?? `one of ${architectures.join(', ')}`}`)
  }
  const { config = {}, files = [], tensors = [], options: asked = {} } = claim.when ?? {}
  for (const [key, value] of Object.entries(config)) test(...configCondition(checkpoint.config, key, value))
  for (const pattern of files) test(...nameCondition(checkpoint.files, 'file', pattern))
  for (const pattern of tensors) test(...nameCondition(checkpoint.tensorNames, 'tensor', pattern))
  for (const [name, value] of Object.entries(asked)) test(String(own(options, name)) === String(value), `option ${name} is ${value}`)
  const plain = declared.length === 0 && (architectures?.some(name => isPlainModel(name, modelType ?? '')) ?? true)
  return { plain, by: named ? 'model type' : known !== undefined ? 'architecture' : 'content', met, unmet }
}

/**
 * Whether an architecture is its family's model without a head: BertModel, XLMRobertaModel of `xlm-roberta`. It is what transformers'
 * AutoModel makes of a configuration that names none, and the plugin that has it is the family's own.
 */
const isPlainModel = (architecture: string, modelType: string): boolean =>
  architecture.toLowerCase() === `${modelType.replaceAll(/[-_]/g, '')}Model`.toLowerCase()

/** Whether a configuration says something under a key. */
const isSaid = (value: Json | undefined): boolean => value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)

function configCondition(config: Subject['config'], key: string, value: Json): [boolean, string] {
  const actual = lookUp(config, key)
  if (isRecord(value) && typeof value.exists === 'boolean') {
    return [isSaid(actual) === value.exists, `config.json ${value.exists ? 'has' : 'has no'} "${key}"`]
  }
  if (isRecord(value) && value.not !== undefined) {
    return [!isDeepStrictEqual(actual, value.not), `"${key}" is not ${JSON.stringify(value.not)}`]
  }
  return [isDeepStrictEqual(actual, value), `"${key}" is ${JSON.stringify(value)}`]
}

const nameCondition = (names: readonly string[], kind: string, pattern: string): [boolean, string] =>
  pattern.startsWith('!')
    ? [!some(names, pattern.slice(1)), `there is no ${kind} ${pattern.slice(1)}`]
    : [some(names, pattern), `there is a ${kind} ${pattern}`]

const lookUp = (config: Subject['config'], key: string): Json | undefined =>
  key.split('.').reduce<Json | undefined>((at, part) => (isRecord(at) && Object.hasOwn(at, part) ? at[part] : undefined), config)

const some = (names: readonly string[], pattern: string): boolean => {
  if (!pattern.includes('*')) return names.includes(pattern)
  const pieces = pattern.split(/\*+/)
  return names.some(name => consistsOf(name, pieces))
}

/**
 * Whether a name has these pieces in order, the first at its beginning and the last at its end. Each is taken where it first fits, and
 * nothing is tried twice: package.json is read before anybody has asked for its plugin.
 */
function consistsOf(name: string, [first = '', ...pieces]: readonly string[]): boolean {
  const last = pieces.pop() ?? ''
  const end = name.length - last.length
  if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false
  let at = first.length
  for (const piece of pieces) {
    const found = name.indexOf(piece, at)
    if (found < 0 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}
