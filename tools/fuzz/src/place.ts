import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Bench } from './bench.ts'
import { type Random, seededRandom } from './random.ts'

/** Where one case is made and run. */
export interface Place {
  readonly bench: Bench
  readonly random: Random
  /** The how manieth of its format it is. */
  readonly index: number
  /** What is read. */
  readonly input: string
  /** Outputs go here, and nothing else is left here. */
  readonly output: string
}

/** What a case runs: the command line, or a public function behind it. */
export interface Case {
  /** What was changed, for the report. */
  readonly what: string
  readonly run: { readonly args: readonly string[] } | { readonly call: () => unknown }
  readonly env?: Readonly<Record<string, string>>
  readonly done?: () => void
}

export type MakeCase = (place: Place) => Case | Promise<Case>

/** A case is told by its format, the seed of the run and its number: `config:1.17`. The three decide every choice in it. */
export const caseName = (format: string, seed: number, index: number): string => `${format}:${seed}.${index}`

export function parseCase(name: string): { readonly format: string; readonly seed: number; readonly index: number } | undefined {
  const [, format, seed, index] = /^([a-z]+):(\d+)\.(\d+)$/.exec(name) ?? []
  return format === undefined ? undefined : { format, seed: Number(seed), index: Number(index) }
}

/** Folders for one case below `folder`; a case before leaves nothing for it. */
export function openPlace(
  bench: Bench,
  folder: string,
  { format, seed, index }: { readonly format: string; readonly seed: number; readonly index: number },
): Place & { remove(): void } {
  const root = join(folder, randomUUID())
  const [input, output] = [join(root, 'input'), join(root, 'output')]
  mkdirSync(input, { recursive: true })
  mkdirSync(output)
  return {
    bench,
    index,
    input,
    output,
    random: seededRandom(caseName(format, seed, index)),
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** Writes a file in place of what may be there, which other folders share. */
export function putFile(file: string, bytes: Uint8Array | string): void {
  rmSync(file, { recursive: true, force: true })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}
