import type { OpenCheckpoint } from '@silane/checkpoint'
import { type Checkpoint, type Constant, isSilaneError } from '@silane/core'

/** A checkpoint that remembers which tensors were taken from it. */
export interface WatchedCheckpoint {
  readonly checkpoint: Checkpoint
  /** Those that were, so far, by name. */
  readonly taken: ReadonlyMap<string, Constant>
  /** The names of those that were not, so far, and that are no buffers and no other head's. In the order of the file. */
  unread(spare: readonly string[]): readonly string[]
}

/**
 * Watches which tensors a plugin takes. What it leaves may be what makes the checkpoint another model than the plugin builds. Not
 * counted are tensors that are one with a taken one under another name, and those that the plugin knows (`spare`) unless an adapter
 * changed them: what was trained for the task is missed by it.
 */
export function watchTensors(base: OpenCheckpoint): WatchedCheckpoint {
  const taken = new Map<string, Constant>()
  const changed = new Set(base.changed)
  return {
    taken,
    checkpoint: {
      ...base,
      tensor: name => {
        const tensor = base.tensor(name)
        if (tensor) taken.set(name, tensor)
        return tensor
      },
      hasTensor: name => base.tensor(name) !== undefined,
    },
    unread: spare => {
      const ids = new Set([...taken.values()].map(({ id }) => id))
      const known = spare.map(pattern => pattern.split('.'))
      return base.tensorNames.filter(
        name => !taken.has(name) && !ids.has(idOf(base, name) ?? '') && (changed.has(name) || !known.some(parts => holds(name, parts))),
      )
    },
  }
}

/** Undefined for a tensor of a type that is not read. */
function idOf(checkpoint: Checkpoint, name: string): string | undefined {
  try {
    return checkpoint.tensor(name)?.id
  } catch (error) {
    if (isSilaneError(error)) return undefined
    throw error
  }
}

/** Whether the parts stand in the name, one after the other. */
function holds(name: string, parts: readonly string[]): boolean {
  const own = name.split('.')
  return own.some((_, at) => at + parts.length <= own.length && parts.every((part, i) => part === '*' || part === own[at + i]))
}

const SHOWN = 8

/** The sentence about tensors that nothing has read. */
export function unreadWarning(names: readonly string[], plugin: string): string {
  const shown = names.slice(0, SHOWN).join(', ')
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''
  const [are, them] =
    names.length === 1 ? ['one tensor of the checkpoint is', 'it'] : [`${names.length} tensors of the checkpoint are`, 'them']
  return `${are} not in the converted model, and ${plugin} does not know ${them} as a buffer or as part of another head: ${shown}${more}`
}
