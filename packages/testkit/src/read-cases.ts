import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Tensors } from '@silane/core'
import { readGoldens } from 'silane'

/** Where a plugin is. */
export interface PluginPlace {
  /** The plugin's package, a folder with package.json. */
  readonly root: URL | string
  /** Default: `fixtures` in the package. */
  readonly fixtures?: URL | string
}

export const pathOf = (place: URL | string): string => (typeof place === 'string' ? place : fileURLToPath(place))

export const fixturesOf = ({ root, fixtures }: PluginPlace): string =>
  fixtures === undefined ? join(pathOf(root), 'fixtures') : pathOf(fixtures)

/** One fixture: a tiny checkpoint with what the original implementation computes on it. */
export interface FixtureCase {
  readonly name: string
  readonly folder: string
  readonly task: string
  /** Flags of `silane convert` beside the task. */
  readonly convert: readonly string[]
  readonly programs: Readonly<Record<string, FixtureProgram>>
  /** What the original writes, greedily. */
  readonly generate: readonly Continuation[]
}

/** A prompt, or what the encoder reads, and the tokens that follow. */
export interface Continuation {
  readonly ids: readonly number[]
  /** What is read besides: a picture. */
  readonly things: Tensors
  readonly maxNewTokens: number
  readonly tokens: readonly number[]
}

export interface FixtureProgram {
  /** Golden outputs by name. */
  readonly outputs: readonly string[]
  /** How the program is driven to give them; absent: one call per sample. */
  readonly drive: string | undefined
}

interface CaseFile {
  readonly task: string
  readonly convert?: readonly string[]
  readonly programs?: Readonly<Record<string, { readonly outputs?: object; readonly drive?: string }>>
  readonly generate?: readonly {
    readonly input_ids?: readonly number[]
    readonly encoder_input_ids?: readonly number[]
    readonly max_new_tokens: number
    readonly tokens: readonly number[]
    /** A tensor of a golden file, `golden.PROGRAM.safetensors#SAMPLE.in.NAME`. */
    readonly [thing: string]: unknown
  }[]
}

const TENSOR = /^golden\.(.+)\.safetensors#(\d+)\.in\.(.+)$/

/** The tensors of golden files that an entry names. */
function thingsOf(folder: string, entry: Readonly<Record<string, unknown>>): Tensors {
  return Object.fromEntries(
    Object.entries(entry).flatMap(([thing, value]) => {
      const [, program = '', index = '', name = ''] = typeof value === 'string' ? (TENSOR.exec(value) ?? []) : []
      if (program === '') return []
      const tensor = readGoldens(folder, []).get(program)?.samples[Number(index)]?.inputs[name]
      if (!tensor) throw new Error(`${folder}: case.json names "${value}", which is not there`)
      return [[thing, tensor] as const]
    }),
  )
}

/** The fixtures of a plugin: every folder with a case.json, by name. */
export function readCases(fixtures: string): readonly FixtureCase[] {
  const names = existsSync(fixtures) ? readdirSync(fixtures).sort() : []
  return names.flatMap(name => {
    const folder = join(fixtures, name)
    const file = join(folder, 'case.json')
    if (!existsSync(file)) return []
    const { task, convert = [], programs = {}, generate = [] } = JSON.parse(readFileSync(file, 'utf8')) as CaseFile
    const entries = Object.entries(programs).map(
      ([program, { outputs = {}, drive }]) => [program, { outputs: Object.keys(outputs), drive }] as const,
    )
    const continuations = generate.map(entry => ({
      ids: entry.encoder_input_ids ?? entry.input_ids ?? [],
      things: thingsOf(folder, entry),
      maxNewTokens: entry.max_new_tokens,
      tokens: entry.tokens,
    }))
    return [{ name, folder, task, convert, programs: Object.fromEntries(entries), generate: continuations }]
  })
}
