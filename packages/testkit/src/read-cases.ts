import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Json, own, type Tensors } from '@silane/core'
import { readGoldens } from 'silane'
import * as z from 'zod'
import { type CaseFile, caseSchema, type Prompt } from './case-schema.ts'

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
  /** What the original writes, greedily or as settings say. */
  readonly continuations: readonly Continuation[]
  /** How the conversion ends where it is not to succeed. */
  readonly expect: Expectation | undefined
}

/** A checkpoint that is not to be converted: 2 where it is refused, 3 where its programs miss a gate. */
export interface Expectation {
  readonly exit: number
  /** The code of the error, such as E_CONFIG. Absent: any that ends with the exit code. */
  readonly error: string | undefined
}

/** A prompt, or what the encoder reads, and the tokens that follow. */
export interface Continuation {
  /** Says which it is, in the title of a test. */
  readonly title: string
  readonly ids: readonly number[]
  /** What is read besides: a picture. */
  readonly things: Tensors
  /** Absent: as many as the settings say. */
  readonly maxNewTokens: number | undefined
  /** generation_config.json of the converted folder, and keys laid over its config.json. Absent: they stay as they are. */
  readonly settings: GenerationSettings | undefined
  /** The tokens, or the code of the error with which such settings are refused. */
  readonly gives: { readonly tokens: readonly number[] } | { readonly error: string }
}

type JsonObject = Readonly<Record<string, Json>>

export interface GenerationSettings {
  readonly generationConfig: JsonObject | undefined
  readonly config: JsonObject
}

export interface FixtureProgram {
  /** Golden outputs by name. */
  readonly outputs: readonly string[]
  /** How the program is driven to give them; absent: one call per sample. */
  readonly drive: string | undefined
}

const TENSOR = /^golden\.(.+)\.safetensors#(\d+)\.in\.(.+)$/

/** The tensors of golden files that an entry names. */
function thingsOf(folder: string, entry: Readonly<Record<string, unknown>>): Tensors {
  return Object.fromEntries(
    Object.entries(entry).flatMap(([thing, value]) => {
      const [, program = '', index = '', name = ''] = typeof value === 'string' ? (TENSOR.exec(value) ?? []) : []
      if (program === '') return []
      const tensor = own(readGoldens(folder, []).get(program)?.samples[Number(index)]?.inputs, name)
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
    const facts = readCase(file)
    const { task, convert, programs, expect } = facts
    const entries = Object.entries(programs).map(
      ([program, { outputs = {}, drive }]) => [program, { outputs: Object.keys(outputs), drive }] as const,
    )
    const continuations = continuationsOf(folder, facts)
    return [
      {
        name,
        folder,
        task,
        convert,
        programs: Object.fromEntries(entries),
        continuations,
        expect: expect && { error: undefined, ...expect },
      },
    ]
  })
}

function readCase(file: string): CaseFile {
  const parsed = caseSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (parsed.success) return parsed.data
  throw new Error(`${file}\n${z.prettifyError(parsed.error)}`)
}

function continuationsOf(folder: string, { generate, generation }: CaseFile): readonly Continuation[] {
  const promptOf = (entry: Prompt) => ({ ids: entry.encoder_input_ids ?? entry.input_ids ?? [], things: thingsOf(folder, entry) })
  const greedy = generate.map((entry, at): Continuation => {
    const { max_new_tokens: maxNewTokens, tokens } = entry
    return { ...promptOf(entry), title: `generate ${at}`, maxNewTokens, settings: undefined, gives: { tokens } }
  })
  const settled = generation.map((entry, at): Continuation => {
    const { generation_config: generationConfig, config = {}, tokens, error } = entry
    const gives = error === undefined ? { tokens: tokens ?? [] } : { error }
    const settings = { generationConfig, config }
    return { ...promptOf(entry), title: `generation ${at}`, maxNewTokens: undefined, settings, gives }
  })
  return [...greedy, ...settled]
}
