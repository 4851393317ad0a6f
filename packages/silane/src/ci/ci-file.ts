import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { readJsonFile } from '@silane/checkpoint'
import * as z from 'zod'
import { settings } from '../convert/settings.ts'
import { errors } from '../errors.ts'

export const CI_FILE = 'silane.ci.json'

/** A file that names a thousand models has 200 kB. */
const MAX_BYTES = 4_000_000

/** Characters of a path, of a task, and of the value of an option; systems take no longer paths. */
const MAX_MODEL = 4096
const MAX_WORD = 128
const MAX_VALUE = 4096

/** Text that can be a part of a path. */
const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine(value => value.isWellFormed() && !value.includes('\0'), 'has a character that no path has')

/** What stands in a list twice would be run twice. */
const different = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nonempty()
    .refine(items => new Set(items.map(each => JSON.stringify(each))).size === items.length, 'has the same twice')
    .readonly()

/** Options by the names of their flags, `{ "seq": 128, "precision": "fp32" }`: the plugin's, and those that hold for every model. */
const optionSet = z
  .record(
    z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'is not the name of a flag, which has lower-case letters, digits and hyphens'),
    z.union(
      [z.string().max(MAX_VALUE), z.number(), z.boolean(), z.array(z.number()).nonempty().readonly()],
      'is no text, number, true, false or list of numbers',
    ),
  )
  .refine(set => !('task' in set), 'holds "task", which stands beside "options", as a list "tasks"')
  .refine(set => !('target' in set), 'holds "target", which stands beside "options", as a list "targets"')
  .readonly()

const schema = z.strictObject({
  $schema: z.string().optional(),
  models: z
    .array(
      z
        .strictObject({
          /** A folder, from this file's own on, or an id on the hub. */
          model: text(MAX_MODEL),
          /** Default: the one that the plugin has for the checkpoint's architecture. */
          tasks: different(text(MAX_WORD)).optional(),
          /** Default: all. */
          targets: different(z.enum(settings.targets.choices)).optional(),
          /** Sets of options, one conversion each. Default: one without any. */
          options: different(optionSet).optional(),
        })
        .readonly(),
    )
    .nonempty()
    .readonly(),
})

export type OptionSet = z.infer<typeof optionSet>
export type CiModel = z.infer<typeof schema>['models'][number]

/** What is to be converted, as `silane.ci.json` says it. */
export interface CiFile {
  /** Its folder, from which the paths of models count. */
  readonly folder: string
  readonly models: readonly CiModel[]
}

/** Throws E_CI_FILE_MISSING, E_CI_FILE, and what `readJsonFile` throws. */
export function readCiFile(path: string): CiFile {
  const [file, folder] = [basename(path), dirname(resolve(path))]
  if (!existsSync(path)) throw errors.E_CI_FILE_MISSING({ file, where: folder })
  const parsed = schema.safeParse(readJsonFile(resolve(path), { file, where: folder }, MAX_BYTES))
  if (parsed.success) return { folder, models: parsed.data.models }
  const [issue] = parsed.error.issues
  throw errors.E_CI_FILE({ file, problem: `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not valid'}`, where: folder })
}
