interface Named {
  readonly name: string
  readonly shape: readonly number[]
}

/**
 * Whether square weights are stored [in, out], as layers of the class Conv1D store it, or [out, in]; undefined where that cannot be
 * told. adapter_config.json says it (`fan_in_fan_out`), but of the layer that was wrapped last. It is believed where the weights that
 * are not square, whose biases are as long as their outputs, do not say otherwise.
 */
export function isTurned(tensors: readonly Named[], said: boolean): boolean | undefined {
  const biases = new Map(
    tensors.flatMap(({ name, shape }) => (name.endsWith('.bias') && shape.length === 1 ? [[name.slice(0, -4), shape[0]] as const] : [])),
  )
  const seen = { straight: false, turned: false }
  for (const { name, shape } of tensors) {
    const [first, second] = shape
    const bias = name.endsWith('.weight') ? biases.get(name.slice(0, -6)) : undefined
    if (shape.length !== 2 || bias === undefined || first === second) continue
    if (bias === first) seen.straight = true
    if (bias === second) seen.turned = true
  }
  const believed = said ? seen.turned || !seen.straight : !seen.turned
  return believed ? said : undefined
}
