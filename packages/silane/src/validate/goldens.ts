import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { arrayConstant, byteSize, type Constant, type Coverage, type DType, sizeOf, type Tensors, viewBytes } from '@silane/core'
import { errors } from '../errors.ts'
import { isRecord } from '../plugins/find-package.ts'

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
    return new Map([[program, golden(given, facts(program))]])
  }
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  const found = names.flatMap(name => GOLDEN.exec(name)?.[1] ?? [])
  return new Map(found.map(program => [program, golden(fileOf(folder, program), facts(program))]))
}

/** The programs that golden outputs may be of, and what each is a part of where it was cut. */
export type GoldenPrograms = readonly { readonly name: string; readonly partOf?: string }[]

function onlyProgram(file: string, programs: GoldenPrograms): string {
  const [only = '', ...others] = new Set(programs.map(({ name, partOf }) => partOf ?? name))
  if (others.length === 0) return only
  const problem = `its name does not say which program it is of: call it golden.${only}.safetensors, or the same with ${others.join(' or ')}`
  throw errors.E_GOLDEN({ file: basename(file), problem, where: dirname(file) })
}

const GOLDEN = /^golden\.(.+)\.safetensors$/

const fileOf = (folder: string, program: string): string => join(folder, `golden.${program}.safetensors`)

type Facts = Pick<Golden, 'valid' | 'drive' | 'flags'>

function readCase(folder: string): (program: string) => Facts {
  const file = join(folder, 'case.json')
  const json: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const programs = isRecord(json) && isRecord(json.programs) ? json.programs : {}
  const flags = isRecord(json) && Array.isArray(json.convert) ? json.convert.filter(flag => typeof flag === 'string') : []
  return program => {
    const entry = isRecord(programs[program]) ? programs[program] : {}
    const valid = isRecord(entry.valid) ? Object.entries(entry.valid) : []
    return {
      valid: Object.fromEntries(valid.flatMap(([output, mask]) => (typeof mask === 'string' ? [[output, mask]] : []))),
      drive: typeof entry.drive === 'string' ? entry.drive : undefined,
      flags,
    }
  }
}

function golden(file: string, facts: Facts): Golden {
  const samples = new Map<number, { inputs: Record<string, Constant>; outputs: Record<string, Constant> }>()
  for (const [key, tensor] of readTensors(file)) {
    const [, index, side, name] = /^(\d+)\.(in|out)\.(.+)$/.exec(key) ?? []
    if (index === undefined || name === undefined)
      throw errors.E_GOLDEN({ file: basename(file), problem: `"${key}" is not the name of a sample's tensor`, where: dirname(file) })
    const sample = samples.get(Number(index)) ?? { inputs: {}, outputs: {} }
    samples.set(Number(index), sample)
    sample[side === 'in' ? 'inputs' : 'outputs'][name] = tensor
  }
  return { ...facts, samples: [...samples].sort(([a], [b]) => a - b).map(([, sample]) => sample) }
}

/** Golden files hold a handful of small tensors; a checkpoint does not belong here. */
const MAX_BYTES = 2 ** 31
const dtypes: Readonly<Record<string, DType>> = {
  F32: 'fp32',
  F16: 'fp16',
  BF16: 'bf16',
  F64: 'fp64',
  I64: 'int64',
  I32: 'int32',
  BOOL: 'bool',
}

function readTensors(file: string): [string, Constant][] {
  const fail = (problem: string) => errors.E_GOLDEN({ file: basename(file), problem, where: dirname(file) })
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size === undefined) throw fail('there is no such file')
  if (size > MAX_BYTES || size < 8) throw fail(`its size of ${size} bytes is not that of a golden file`)
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  if (length > size - 8) throw fail('its header is longer than the file')
  let header: unknown
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  } catch (cause) {
    throw errors.E_GOLDEN({ file: basename(file), problem: 'its header is not JSON', where: dirname(file) }, { cause })
  }
  if (!isRecord(header)) throw fail('its header is not an object')
  return Object.entries(header).flatMap(([name, entry]): [string, Constant][] => {
    if (name === '__metadata__') return []
    if (!isRecord(entry) || typeof entry.dtype !== 'string') throw fail(`the entry "${name}" is broken`)
    const dtype = dtypes[entry.dtype]
    if (dtype === undefined) throw fail(`"${name}" has the type ${entry.dtype}`)
    const shape = counts(entry.shape)
    const [begin = -1, end = -1] = counts(entry.data_offsets) ?? []
    if (!shape || begin < 0 || end - begin !== sizeOf(shape) * byteSize(dtype) || 8 + length + end > size)
      throw fail(`"${name}" has a wrong shape or place`)
    // A copy, so that every element type is aligned.
    const own = Uint8Array.from(bytes.subarray(8 + length + begin, 8 + length + end))
    return [[name, arrayConstant(dtype, shape, viewBytes(dtype, own.buffer, 0, sizeOf(shape)))]]
  })
}

const counts = (value: unknown): readonly number[] | undefined =>
  Array.isArray(value) && value.every(item => Number.isSafeInteger(item) && item >= 0) ? value : undefined
