import { type Checkpoint, sameElements, type TiedNames } from '@silane/core'

/** A checkpoint that holds a tied tensor under fewer names than it has, or another one. */
export interface TiedVariant {
  /** The only name, as stored. */
  readonly kept: string
  /** Text of a graph, where equal tensors that the files hold under several names have one id. */
  readonly unified: (text: string) => string
  readonly checkpoint: Checkpoint
}

/**
 * The checkpoint with each name of a row alone: as its files have the name, and those that they lack below the same module or the one
 * above, since heads stand beside the backbone. None where the files hold nothing of the row, or tensors that differ.
 */
export function tiedVariants(base: Checkpoint, row: TiedNames): readonly TiedVariant[] {
  const stored = base.tensorNames.flatMap(full =>
    row
      .filter(name => full === name || full.endsWith(`.${name}`))
      .map(name => ({ full, prefix: full.slice(0, full.length - name.length) })),
  )
  const [first] = stored
  const tensor = first && base.tensor(first.full)
  if (!first || !tensor || stored.some(({ full }) => !sameElements(tensor, base.tensor(full) ?? tensor))) return []
  const taken = new Set(stored.map(({ full }) => full))
  const above = first.prefix.replace(/[^.]+\.$/, '')
  const missing = row.flatMap(name => [first.prefix + name, above + name]).filter(full => !taken.has(full))
  const ids = stored.flatMap(({ full }) => base.tensor(full)?.id ?? [])
  const unified = (text: string) => ids.reduce((shown, id) => shown.replaceAll(id, tensor.id), text)
  return [...new Set([...taken, ...missing])].map(kept => ({
    kept,
    unified,
    checkpoint: {
      ...base,
      tensorNames: [...base.tensorNames.filter(full => !taken.has(full)), kept],
      tensor: (full: string) => (full === kept ? tensor : taken.has(full) ? undefined : base.tensor(full)),
    },
  }))
}
