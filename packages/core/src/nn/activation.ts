import type { Builder } from '../builder.ts'
import { errors } from '../errors.ts'
import type { Value } from '../graph/graph.ts'

type Activation = (b: Builder, x: Value) => Value

const erf: Activation = (b, x) => b.gelu({ x, mode: 'EXACT' })
const tanhGelu: Activation = (b, x) => b.gelu({ x, mode: 'TANH_APPROXIMATION' })
const silu: Activation = (b, x) => b.silu({ x })

/** Activations by the names that configurations use (transformers `activations.py`, ACT2CLS). */
const activations: Readonly<Record<string, Activation>> = {
  gelu: erf,
  gelu_python: erf,
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_python_tanh: tanhGelu,
  gelu_accurate: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_10: (b, x) => b.clip({ x: erf(b, x), alpha: -10, beta: 10 }),
  quick_gelu: (b, x) => b.gelu({ x, mode: 'SIGMOID_APPROXIMATION' }),
  relu: (b, x) => b.relu({ x }),
  relu2: (b, x) => b.square({ x: b.relu({ x }) }),
  relu6: (b, x) => b.relu6({ x }),
  leaky_relu: (b, x) => b.leaky_relu({ x, alpha: 0.01 }),
  silu,
  swish: silu,
  tanh: (b, x) => b.tanh({ x }),
  sigmoid: (b, x) => b.sigmoid({ x }),
  mish: (b, x) => b.mul({ x, y: b.tanh({ x: b.softplus({ x }) }) }),
  linear: (_, x) => x,
}

/** Names of the activations that `activate` knows. */
export const activationNames: readonly string[] = Object.keys(activations)

/** Applies an activation by its configured name. Throws E_UNSUPPORTED for a name that no model in transformers has. */
export function activate(b: Builder, name: string, x: Value): Value {
  const activation = Object.hasOwn(activations, name) ? activations[name] : undefined
  if (!activation) throw errors.E_UNSUPPORTED({ what: `No activation is called "${name}". Known: ${activationNames.join(', ')}.` })
  return activation(b, x)
}
