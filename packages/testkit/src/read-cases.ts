import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One fixture: a tiny checkpoint with what the original implementation computes on it. */
export interface FixtureCase {
  readonly name: string
  readonly folder: string
  readonly task: string
  /** Flags of `silane convert` beside the task. */
  readonly convert: readonly string[]
  readonly programs: Readonly<Record<string, FixtureProgram>>
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
}

/** The fixtures of a plugin: every folder with a case.json, by name. */
export function readCases(fixtures: string): readonly FixtureCase[] {
  const names = existsSync(fixtures) ? readdirSync(fixtures).sort() : []
  return names.flatMap(name => {
    const folder = join(fixtures, name)
    const file = join(folder, 'case.json')
    if (!existsSync(file)) return []
    const { task, convert = [], programs = {} } = JSON.parse(readFileSync(file, 'utf8')) as CaseFile
    const entries = Object.entries(programs).map(
      ([program, { outputs = {}, drive }]) => [program, { outputs: Object.keys(outputs), drive }] as const,
    )
    return [{ name, folder, task, convert, programs: Object.fromEntries(entries) }]
  })
}
