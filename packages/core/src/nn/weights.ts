import { type Constant, castConstant } from '../constant.ts'
import { isFloat } from '../dtype.ts'
import { errors, nearest } from '../errors.ts'
import { sameShape } from '../ops/shapes.ts'
import type { Checkpoint } from '../plugin/checkpoint.ts'

export interface WeightNames {
  /** Put before a name in turn: a backbone's tensors may be stored bare, under `bert.`, under `model.bert.` … Default: bare. */
  readonly prefixes?: readonly string[]
  /** Other spellings of a name's end, tried after the name itself: `['LayerNorm.weight', 'LayerNorm.gamma']`. */
  readonly spellings?: readonly (readonly [name: string, stored: string])[]
}

/**
 * Prefixes under which a backbone's tensors and its heads' are found: bare, below the backbone's own name, and inside the
 * wrappers that training scripts save (`module.` of DataParallel, `model.` and `encoder.` of fine-tuning code).
 */
export const backbonePrefixes = (backbone: string): readonly string[] =>
  ['', 'module.', 'model.', 'encoder.', 'module.model.', 'module.encoder.'].flatMap(wrapper => [wrapper, `${wrapper}${backbone}.`])

/** Norm parameters as TensorFlow names them; checkpoints converted from there still do. */
export const tensorFlowNorms: NonNullable<WeightNames['spellings']> = [
  ['LayerNorm.weight', 'LayerNorm.gamma'],
  ['LayerNorm.bias', 'LayerNorm.beta'],
]

/**
 * The tensors of a checkpoint by the names that the model's own code gives them, below a module path.
 * Floats come as fp32, whatever they are stored as.
 */
export class Weights {
  readonly path: string
  readonly #checkpoint: Checkpoint
  readonly #names: WeightNames

  constructor(checkpoint: Checkpoint, names: WeightNames = {}, path = '') {
    this.#checkpoint = checkpoint
    this.#names = names
    this.path = path
  }

  /** The tensors of a module below this one. */
  at(module: string | number): Weights {
    return new Weights(this.#checkpoint, this.#names, this.#full(String(module)))
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined
  }

  /** A tensor that must be there in this shape. Throws E_TENSOR_MISSING or E_TENSOR_SHAPE. */
  tensor(name: string, shape: readonly number[]): Constant {
    const found = this.#find(name)
    if (found) return this.#checked(found, name, shape)
    const { tensorNames, location } = this.#checkpoint
    const tensor = this.#full(name)
    throw errors.E_TENSOR_MISSING({ tensor, near: nearest(tensor, tensorNames), where: location })
  }

  /** A tensor that may be missing. */
  optional(name: string, shape: readonly number[]): Constant | undefined {
    const found = this.#find(name)
    return found && this.#checked(found, name, shape)
  }

  /** The shape that a tensor is stored in, where the configuration does not know it. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.#find(name)?.shape
  }

  #full(name: string): string {
    return this.path ? `${this.path}.${name}` : name
  }

  #find(name: string): Constant | undefined {
    const full = this.#full(name)
    const { prefixes = [''], spellings = [] } = this.#names
    const stored = spellings.filter(([end]) => full.endsWith(end)).map(([end, other]) => full.slice(0, -end.length) + other)
    for (const candidate of [full, ...stored]) {
      for (const prefix of prefixes) {
        const tensor = this.#checkpoint.tensor(prefix + candidate)
        if (tensor) return tensor
      }
    }
    return undefined
  }

  #checked(tensor: Constant, name: string, shape: readonly number[]): Constant {
    if (sameShape(tensor.shape, shape)) return isFloat(tensor.dtype) ? castConstant(tensor, 'fp32') : tensor
    throw errors.E_TENSOR_SHAPE({ tensor: this.#full(name), expected: shape, actual: tensor.shape, where: this.#checkpoint.location })
  }
}
