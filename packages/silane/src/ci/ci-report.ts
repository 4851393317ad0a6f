import { isAbsolute } from 'node:path'
import { readJsonFile } from '@silane/checkpoint'
import * as z from 'zod'
import { settings } from '../convert/settings.ts'
import { errors } from '../errors.ts'
import { MAX_PLANNED } from './plan-matrix.ts'
import { MAX_SHARDS } from './shard.ts'

/** dB to a tenth, as report.json has it: `equal` where nothing differs, `none` where there is a problem. */
const psnr = z.union([z.number(), z.literal(['equal', 'none'])])

/** The lowest figure of one line over all outputs (docs/guides/read-the-report.md). */
const measured = z
  .strictObject({
    line: z.string(),
    psnr,
    /** Absent where the figure is only reported. */
    gate: z.number().optional(),
    ok: z.boolean(),
    /** `program/function output`, and what was compared. */
    where: z.string(),
  })
  .readonly()

const error = z.strictObject({ code: z.string(), what: z.string(), where: z.string().optional(), next: z.string().optional() }).readonly()

const result = z
  .strictObject({
    name: z.string(),
    model: z.string(),
    /** Null where the conversion ended before it was known. */
    task: z.string().nullable(),
    target: z.enum(settings.targets.choices),
    options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.number()).readonly()])).readonly(),
    /** As of `silane convert`: 0 good, 1 unexpected, 2 it could not be converted, 3 a gate was missed. */
    exit: z.literal([0, 1, 2, 3]),
    error: error.optional(),
    plugin: z.strictObject({ package: z.string(), version: z.string(), id: z.string() }).readonly().optional(),
    gates: z.array(measured).readonly(),
    misses: z.array(z.string()).readonly(),
    warnings: z.array(z.string()).readonly(),
    /** Of the programs that were written. */
    bytes: z.int().nonnegative(),
    seconds: z.number().nonnegative(),
  })
  .readonly()

const shard = z
  .strictObject({ index: z.int().positive(), count: z.int().positive().max(MAX_SHARDS) })
  .refine(({ index, count }) => index <= count, 'is no part of a whole')
  .readonly()

const schema = z
  .strictObject({
    schema: z.literal(1),
    silane: z.strictObject({ version: z.string(), core: z.string() }).readonly(),
    /** All that silane.ci.json plans, in its order; reports of another plan, or of a changed one, have another digest. */
    matrix: z
      .strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), names: z.array(z.string()).max(MAX_PLANNED).readonly() })
      .readonly(),
    /** Null where entries were chosen by name, and in a report that others were joined into. */
    shard: shard.nullable(),
    results: z.array(result).max(MAX_PLANNED).readonly(),
  })
  .readonly()

export type CiGate = z.infer<typeof measured>
export type CiResult = z.infer<typeof result>
/** `ci-report.i-of-n.json` of one machine, and `ci-report.json` of all. */
export type CiReport = z.infer<typeof schema>

/** A thousand entries have some 2 MB. */
const MAX_BYTES = 256_000_000

/** Throws E_CI_REPORT, and what `readJsonFile` throws. */
export function readCiReport(path: string, { file, where }: { readonly file: string; readonly where: string }): CiReport {
  const parsed = schema.safeParse(readJsonFile(path, { file, where }, MAX_BYTES))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw errors.E_CI_REPORT({ problem: `${file}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not valid'}`, where })
}

/** 2 where a conversion failed, else 3 where a gate was missed. */
export const exitOf = ({ results }: Pick<CiReport, 'results'>): 0 | 2 | 3 =>
  results.some(({ exit }) => exit === 1 || exit === 2) ? 2 : results.some(({ exit }) => exit === 3) ? 3 : 0

/** Where the words of an error would name the machine's folder, the report has the path from there. */
export const withoutFolder = (text: string, folder: string): string =>
  isAbsolute(folder) && folder.length > 1 ? text.replaceAll(folder, '.') : text
