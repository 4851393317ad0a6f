import { errors } from '../errors.ts'
import { isJsonObject } from '../json-object.ts'
import type { Checkpoint, Json } from '../plugin/checkpoint.ts'
import { LARGEST_FP32, limits } from './limits.ts'

/** What of a zod schema is used; plugins bring the library, the core needs none. */
interface Schema<T> {
  safeParse(
    value: unknown,
  ): { success: true; data: T } | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } }
}

/** Where settings come from: a checkpoint's config.json, or what else tells them, by a name for messages. */
export interface ConfigSource extends Pick<Checkpoint, 'config' | 'location'> {
  readonly file?: string
}

/**
 * config.json, or one section of it such as `vision_config`, through a schema that types, defaults and checks it. Keys that are null
 * count as missing, and a section that is missing as empty; a switch that is on where nothing is said may not be null, which Python takes
 * for off. Numbers that fp32 cannot hold are refused whatever the schema says of them: no program could store them. Throws E_CONFIG.
 */
export function readConfig<T>(source: ConfigSource, schema: Schema<T>, section?: string): T {
  const fail = (field: string, problem: string) =>
    errors.E_CONFIG({ file: source.file ?? 'config.json', field, problem, where: source.location })
  const found = section === undefined ? source.config : (source.config[section] ?? {})
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw fail(section ?? 'the file', 'is no object')
  const above = section === undefined ? [] : [section]
  // Not by assignments: that of a key `__proto__` would set what all other keys are looked up in.
  const given = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null))
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw fail([...above, ...(issue?.path ?? [])].join('.') || 'the file', issue?.message ?? 'not valid')
  }
  const field = beyondFp32(parsed.data)
  if (field !== undefined) throw fail([...above, ...field].join('.'), 'is beyond what fp32 can hold')
  for (const key of Object.keys(found)) {
    if (Object.hasOwn(given, key) || !isOnUnsaid(key, given, parsed.data, schema)) continue
    throw fail([...above, key].join('.'), 'is null, which Python takes for false, and not for the default, which is true')
  }
  return parsed.data
}

/** Whether a key is a switch for the schema, and is read otherwise where it is false than where it is not there. */
function isOnUnsaid<T>(key: string, given: Readonly<Record<string, Json>>, unsaid: T, schema: Schema<T>): boolean {
  const off = schema.safeParse({ ...given, [key]: false })
  if (!off.success) return schema.safeParse({ ...given, [key]: true }).success
  return JSON.stringify(off.data) !== JSON.stringify(unsaid)
}

/** Where in a value there is a number that fp32 cannot hold. */
function beyondFp32(value: unknown): readonly string[] | undefined {
  if (typeof value === 'number') return Math.abs(value) <= LARGEST_FP32 ? undefined : []
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = beyondFp32(inner)
    if (found) return [key, ...found]
  }
  return undefined
}

export interface OwnNamesOptions {
  /** The section of config.json that is meant. Default: the whole. */
  readonly section?: string | undefined
  /**
   * What happens where two names of one key say different things. `follow` the alias, which is what transformers does whatever their
   * order: it sets the attributes that are no parameters of its constructor last. `refuse` for keys of which its versions take the
   * one or the other. Default: follow.
   */
  readonly contradictions?: 'follow' | 'refuse'
}

/**
 * A configuration in the names that its schema has: `aliases` maps other names of a key to its own (transformers' `attribute_map`).
 * Throws E_CONFIG where two names of one key say different things and that is to be refused.
 */
export function ownNames<S extends ConfigSource>(
  source: S,
  aliases: Readonly<Record<string, string>>,
  { section, contradictions = 'follow' }: OwnNamesOptions = {},
): S {
  const given = section === undefined ? source.config : source.config[section]
  // What is no object is refused by who reads it.
  if (!isJsonObject(given)) return source
  const config: Record<string, Json> = { ...given }
  for (const [alias, name] of Object.entries(aliases)) {
    const [said, own] = [config[alias], config[name]]
    if (said == null) continue
    if (own != null && own !== said && contradictions === 'refuse') {
      const field = section === undefined ? alias : `${section}.${alias}`
      const problem = `says ${JSON.stringify(said)}, but "${name}", which means the same, says ${JSON.stringify(own)}`
      throw errors.E_CONFIG({ file: source.file ?? 'config.json', field, problem, where: source.location })
    }
    config[name] = said
  }
  return { ...source, config: section === undefined ? config : { ...source.config, [section]: config } }
}

/**
 * The number of labels: that of `id2label`, else `num_labels`, else transformers' default, which is 2 for most classes. transformers
 * counts no `label2id`, and neither is it counted here: several labels may have one id. Where the two that count say different
 * numbers, versions of transformers differ in which of them they take, and so would the model. Throws E_CONFIG.
 */
export function labelCount(checkpoint: Checkpoint, fallback = 2): number {
  const { num_labels: said, id2label } = checkpoint.config
  const wrong = (field: string, problem: string) => errors.E_CONFIG({ field, problem, where: checkpoint.location })
  if (id2label != null && !isJsonObject(id2label)) throw wrong('id2label', 'is no table of names by number')
  // Python reads each as a number, and stops at one that is none.
  const odd = Object.keys(id2label ?? {}).find(key => !/^\d+$/.test(key))
  if (odd !== undefined) throw wrong('id2label', `has a label for ${JSON.stringify(odd.slice(0, 100))}, which is no number`)
  const named = id2label ? Object.keys(id2label).length : undefined
  const count = named ?? said ?? fallback
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > limits.labels)
    throw wrong(named === undefined ? 'num_labels' : 'id2label', `gives no number of labels from 1 to ${limits.labels}`)
  if (named !== undefined && typeof said === 'number' && said !== named) {
    const problem = `says ${said}, but "id2label" has ${named === 1 ? '1 label' : `${named} labels`}`
    throw wrong('num_labels', problem)
  }
  return count
}
