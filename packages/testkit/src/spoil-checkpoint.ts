import type { Checkpoint, Constant } from '@silane/core'

/** A checkpoint in which one tensor is missing, or another than it was. */
export const spoilCheckpoint = (base: Checkpoint, name: string, change: (tensor: Constant) => Constant | undefined): Checkpoint => ({
  ...base,
  tensorNames: base.tensorNames.filter(other => other !== name),
  tensor: asked => {
    const tensor = base.tensor(asked)
    return asked === name && tensor ? change(tensor) : tensor
  },
})

/** The tensor with one more row than the configuration asks for; only its shape is ever looked at. */
export const lengthen = (tensor: Constant): Constant => ({ ...tensor, shape: [(tensor.shape[0] ?? 1) + 1, ...tensor.shape.slice(1)] })

/** At most `count` of the names, spread evenly. */
export const someOf = (names: readonly string[], count: number): readonly string[] => {
  const step = Math.max(1, Math.ceil(names.length / count))
  return names.filter((_, i) => i % step === 0)
}
