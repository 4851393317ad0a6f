import { isDeepStrictEqual } from 'node:util'
import type { Checkpoint, Json } from '@silane/core'
import { isRecord } from './find-package.ts'
import type { Claim } from './plugin-manifest.ts'

/** How a claim fares against a checkpoint: it holds when nothing is unmet; the more conditions it met, the more specific it is. */
export interface ClaimMatch {
  readonly met: readonly string[]
  readonly unmet: readonly string[]
}

export type GivenOptions = Readonly<Record<string, string | number | boolean>>

type Subject = Pick<Checkpoint, 'config' | 'files' | 'tensorNames'>

/** Holds a claim against a checkpoint and the options asked for. */
export function matchClaim(claim: Claim, checkpoint: Subject, options: GivenOptions): ClaimMatch {
  const met: string[] = []
  const unmet: string[] = []
  const test = (holds: boolean, condition: string) => (holds ? met : unmet).push(condition)

  if (claim.modelType !== undefined) test(checkpoint.config.model_type === claim.modelType, `model_type is "${claim.modelType}"`)
  const declared = checkpoint.config.architectures
  if (claim.architectures && Array.isArray(declared) && declared.length > 0) {
    const known = claim.architectures.find(name => declared.includes(name))
    test(known !== undefined, `the architecture is ${known ?? `one of ${claim.architectures.join(', ')}`}`)
  }
  const { config = {}, files = [], tensors = [], options: asked = {} } = claim.when ?? {}
  for (const [key, value] of Object.entries(config)) test(...configCondition(checkpoint.config, key, value))
  for (const pattern of files) test(some(checkpoint.files, pattern), `there is a file ${pattern}`)
  for (const pattern of tensors) test(some(checkpoint.tensorNames, pattern), `there is a tensor ${pattern}`)
  for (const [name, value] of Object.entries(asked)) test(String(options[name]) === String(value), `option ${name} is ${value}`)
  return { met, unmet }
}

function configCondition(config: Subject['config'], key: string, value: Json): [boolean, string] {
  const actual = lookUp(config, key)
  if (isRecord(value) && typeof value.exists === 'boolean') {
    const there = actual !== undefined && actual !== null
    return [there === value.exists, `config.json ${value.exists ? 'has' : 'has no'} "${key}"`]
  }
  return [isDeepStrictEqual(actual, value), `"${key}" is ${JSON.stringify(value)}`]
}

const lookUp = (config: Subject['config'], key: string): Json | undefined =>
  key.split('.').reduce<Json | undefined>((at, part) => (isRecord(at) && Object.hasOwn(at, part) ? at[part] : undefined), config)

const some = (names: readonly string[], pattern: string): boolean => {
  if (!pattern.includes('*')) return names.includes(pattern)
  const expression = new RegExp(`^${pattern.split('*').map(literally).join('.*')}$`)
  return names.some(name => expression.test(name))
}

const literally = (text: string): string => text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&')
