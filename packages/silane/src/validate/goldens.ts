import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { folderFile, readJsonFile, readTensors } from '@silane/checkpoint'
import { type Constant, type Coverage, own, type Tensors } from '@silane/core'
import * as z from 'zod'
import { errors } from '../errors.ts'

/** Inputs and what the original implementation made of them. */
export interface GoldenSample {
  readonly inputs: Tensors
  readonly outputs: Tensors
}

/** What is known of one program: samples, which mask tells the valid rows of an output, how the program is driven. */
export interface Golden {
  readonly samples: readonly GoldenSample[]
  readonly valid: Readonly<Record<string, string>>
  /** Absent: each sample is one call. */
  readonly drive: string | undefined
  /** The flags of `silane convert` whose shapes the samples have, where case.json says so. */
  readonly flags: readonly string[]
}

/** How outputs are driven that a host computes around the programs. */
export const OF_HOST = 'host'

export type Goldens = ReadonlyMap<string, Golden>

/** The golden outputs that somebody asked to be compared with: there must be some. */
export function requireGoldens(given: string, programs: GoldenPrograms): Goldens {
  const found = readGoldens(given, programs)
  if (found.size > 0) return found
  throw errors.E_GOLDEN({ file: basename(given), problem: 'there are no golden outputs', where: dirname(given) })
}

/** Says so where golden outputs were asked for and none was compared, as they fit nothing. */
export function requireCompared(given: string, coverage: readonly Coverage[], notes: readonly string[]): void {
  if (coverage.some(({ original }) => original)) return
  throw errors.E_GOLDEN({ file: basename(given), problem: notes[0] ?? 'no program has its shapes', where: dirname(given) })
}

/**
 * The golden outputs in a folder: `golden.<program>.safetensors` and, where there is one, case.json. `given` is such a folder, or
 * a single file, which is of the program that its name says, else of the only one there is.
 */
export function readGoldens(given: string, programs: GoldenPrograms): Goldens {
  const isFile = statSync(given, { throwIfNoEntry: false })?.isFile() ?? false
  const folder = isFile ? dirname(given) : given
  const facts = readCase(folder)
  if (isFile) {
    const program = GOLDEN.exec(basename(given))?.[1] ?? onlyProgram(given, programs)
    // Whoever names a file means what it leads to.
    return new Map([[program, golden(realpathSync.native(given), facts(program))]])
  }
  const found = goldenPrograms(folder)
  checkTogether(folder, found)
  return new Map(found.map(program => [program, golden(fileOf(folder, program), facts(program))]))
}

/** Holds the files of a folder, all of which are in memory at once, against the bound of one. */
function checkTogether(folder: string, found: readonly string[]): void {
  let bytes = 0
  for (const program of found) {
    bytes += statSync(fileOf(folder, program), { throwIfNoEntry: false })?.size ?? 0
    if (bytes <= MAX_BYTES) continue
    const problem = `with the golden files before it there are ${bytes} bytes; up to ${MAX_BYTES} are read`
    throw errors.E_GOLDEN({ file: goldenFile(program), problem, where: folder })
  }
}

/** The golden outputs of a folder that nobody asked to be compared with: those of a fixture, which has a case.json. */
export function ownGoldens(folder: string, programs: GoldenPrograms): { readonly goldens: Goldens; readonly notes: readonly string[] } {
  const found = existsSync(folder) ? goldenPrograms(folder) : []
  if (found.length === 0) return { goldens: new Map(), notes: [] }
  if (existsSync(join(folder, CASE_FILE))) return { goldens: readGoldens(folder, programs), notes: [] }
  const note = `the folder has golden outputs (${goldenFile(found[0] ?? '')}) and no ${CASE_FILE}: they were not read; --golden ${folder} compares with them`
  return { goldens: new Map(), notes: [note] }
}

/** The programs that a folder has golden outputs of. */
const goldenPrograms = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .flatMap(name => GOLDEN.exec(name)?.[1] ?? [])
    : []

/** The programs that golden outputs may be of, and what each is a part of where it was cut. */
export type GoldenPrograms = readonly { readonly name: string; readonly partOf?: string }[]

function onlyProgram(file: string, programs: GoldenPrograms): string {
  const [only = '', ...others] = new Set(programs.map(({ name, partOf }) => partOf ?? name))
  if (others.length === 0) return only
  const problem = `its name does not say which program it is of: call it golden.${only}.safetensors, or the same with ${others.join(' or ')}`
  throw errors.E_GOLDEN({ file: basename(file), problem, where: dirname(file) })
}

const GOLDEN = /^golden\.(.+)\.safetensors$/

const CASE_FILE = 'case.json'

const goldenFile = (program: string): string => `golden.${program}.safetensors`

const fileOf = (folder: string, program: string): string => join(folder, goldenFile(program))

type Facts = Pick<Golden, 'valid' | 'drive' | 'flags'>

/** Outputs of a program whose rows a mask tells, each of which is looked for in every sample. The fixture with most has 3. */
const MAX_VALID = 1000

/** What a case.json says to a comparison; there is more in it. `drive` names what the whole is run as. */
const schema = z.object({
  convert: z.array(z.string()).exactOptional(),
  programs: z
    .record(
      z.string(),
      z.object({
        valid: z
          .record(z.string(), z.string())
          .refine(masks => Object.keys(masks).length <= MAX_VALID, `has more than ${MAX_VALID} outputs`)
          .exactOptional(),
        drive: z.enum(['cached-decoder', OF_HOST]).exactOptional(),
      }),
    )
    .exactOptional(),
})

/** A case.json lists shapes, and what a model wrote. */
const MAX_CASE_BYTES = 16_000_000

function readCase(folder: string): (program: string) => Facts {
  if (!existsSync(join(folder, CASE_FILE))) return () => ({ valid: {}, drive: undefined, flags: [] })
  const at = { file: CASE_FILE, where: folder }
  const parsed = schema.safeParse(readJsonFile(folderFile(folder, at), at, MAX_CASE_BYTES))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw errors.E_GOLDEN({ ...at, problem: `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'not valid'}` })
  }
  const { programs = {}, convert: flags = [] } = parsed.data
  return program => {
    const { valid = {}, drive } = own(programs, program) ?? {}
    return { valid, drive, flags }
  }
}

/** Golden files hold a handful of small tensors, all of which are in memory at once; a checkpoint does not belong here. */
const MAX_BYTES = 2 ** 29

function golden(path: string, facts: Facts): Golden {
  const [file, where] = [basename(path), dirname(path)]
  const fail = (problem: string) => errors.E_GOLDEN({ file, problem, where })
  // Maps until the end: a name is anything, `__proto__` too.
  const samples = new Map<number, { in: Map<string, Constant>; out: Map<string, Constant> }>()
  for (const [key, tensor] of readTensors(where, { file, where }, { limit: MAX_BYTES })) {
    const [, index, side, name] = /^(\d+)\.(in|out)\.(.+)$/.exec(key) ?? []
    if (index === undefined || name === undefined) throw fail(`"${key}" is not the name of a sample's tensor`)
    const sample = samples.get(Number(index)) ?? { in: new Map(), out: new Map() }
    samples.set(Number(index), sample)
    sample[side === 'in' ? 'in' : 'out'].set(name, tensor)
  }
  const made = [...samples].sort(([a], [b]) => a - b)
  for (const [index, sample] of made) {
    for (const [output, mask] of Object.entries(facts.valid)) {
      const [of, rows] = [sample.out.get(output), sample.in.get(mask)]
      if (of && rows?.shape.some((dim, axis) => dim !== of.shape[axis]))
        throw fail(`the mask ${mask} of sample ${index} is [${rows.shape}], which tells no rows of ${output}, [${of.shape}]`)
    }
  }
  return {
    ...facts,
    samples: made.map(([, sample]) => ({ inputs: Object.fromEntries(sample.in), outputs: Object.fromEntries(sample.out) })),
  }
}
