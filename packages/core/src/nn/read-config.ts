import { errors } from '../errors.ts'
import type { Checkpoint, Json } from '../plugin/checkpoint.ts'

/** What of a zod schema is used; plugins bring the library, the core needs none. */
interface Schema<T> {
  safeParse(
    value: unknown,
  ): { success: true; data: T } | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } }
}

/** config.json through a schema that types, defaults and checks it. Keys that are null count as missing. Throws E_CONFIG. */
export function readConfig<T>(checkpoint: Checkpoint, schema: Schema<T>): T {
  const given: Record<string, Json> = {}
  for (const [key, value] of Object.entries(checkpoint.config)) if (value !== null) given[key] = value
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw errors.E_CONFIG({ field: issue?.path.join('.') || 'the file', problem: issue?.message ?? 'not valid', where: checkpoint.location })
}

/** The number of labels: config.json seldom says it, `id2label` does, and transformers' default is 2 for most classes. */
export function labelCount(checkpoint: Checkpoint, fallback = 2): number {
  const { num_labels, id2label } = checkpoint.config
  if (id2label && typeof id2label === 'object') return Object.keys(id2label).length
  return typeof num_labels === 'number' ? num_labels : fallback
}
