import { type Constant, castConstant, sameElements } from '../constant.ts'
import { isFloat } from '../dtype.ts'
import { errors, nearest } from '../errors.ts'
import { sameShape } from '../ops/shapes.ts'
import type { Checkpoint } from '../plugin/checkpoint.ts'

/** The names under which a tensor may be stored, best first, by the name that the model's own code gives it. */
export type Candidates = (name: string) => Iterable<string>

/** The names of one tensor that the original has in several places, the one that all others are tied to first. */
export type TiedNames = readonly string[]

export interface WeightNames {
  /** Default: a tensor is stored under its own name. */
  readonly candidates?: Candidates
  /** Tensors that a file may hold under any of several names (see `Weights`). */
  readonly tied?: readonly TiedNames[]
}

/** Another name, or another end of one, and what is stored for it. */
export type NamePair = readonly [name: string, stored: string]

/** Steps one after the other: what the first gives goes through the second. What comes first of the first is tried first. */
export const names =
  (...steps: readonly Candidates[]): Candidates =>
  name =>
    steps.reduce<readonly string[]>((found, step) => found.flatMap(each => [...step(each)]), [name])

/** Each of the prefixes in front, in turn: a backbone's tensors may be stored bare (`''`), under `bert.`, under `model.bert.` … */
export const prefixed =
  (prefixes: readonly string[]): Candidates =>
  name =>
    prefixes.map(prefix => prefix + name)

/** The name itself, then other spellings of its end: `['LayerNorm.weight', 'LayerNorm.gamma']`. */
export const spelled =
  (spellings: readonly NamePair[]): Candidates =>
  name => [
    name,
    ...spellings.filter(([end]) => name.endsWith(end)).map(([end, stored]) => name.slice(0, name.length - end.length) + stored),
  ]

/**
 * Another name space. A row maps a module, or a tensor, and all that lies below; `*` stands for one part of the name and is the
 * same part on the right. The first row that fits maps the whole name in one step, so that two spaces may use one name for
 * different things: SAM's `layers.0` is the layer in the middle in one, and the first one in the other. A mapped name has no
 * other candidate for that reason; a name without a row stays. Which space a checkpoint is in, its tensors' names tell.
 */
export function renamed(table: readonly NamePair[]): Candidates {
  const rows = table.map(([name, stored]) => ({ name: name.split('.'), stored: stored.split('.') }))
  return full => {
    const parts = full.split('.')
    const row = rows.find(({ name }) => name.length <= parts.length && name.every((part, i) => part === '*' || part === parts[i]))
    if (!row) return [full]
    const free = parts.filter((_, i) => row.name[i] === '*').values()
    const stored = row.stored.map(part => (part === '*' ? (free.next().value ?? part) : part))
    return [[...stored, ...parts.slice(row.name.length)].join('.')]
  }
}

/**
 * Prefixes under which a backbone's tensors and its heads' are found: bare, below the backbone's own name, and inside the
 * wrappers that training scripts save (`module.` of DataParallel, `model.` and `encoder.` of fine-tuning code).
 */
export const backbonePrefixes = (backbone: string): readonly string[] =>
  ['', 'module.', 'model.', 'encoder.', 'module.model.', 'module.encoder.'].flatMap(wrapper => [wrapper, `${wrapper}${backbone}.`])

/** What look-ups gave, by the model's own names: a tensor, or that there is none. */
type Found = Map<string, Constant | undefined>

const asTheyAre: Candidates = name => [name]

/**
 * The tensors of a checkpoint by the names that the model's own code gives them, below a module path.
 * Floats come as fp32, whatever they are stored as.
 *
 * Of tied names a file may hold all, or one, whichever: `safetensors.torch.save_model` keeps any, `save_pretrained` the first. As in
 * transformers 5 a tensor under its own name is what is asked for, also where it differs from what it is said to be tied to (version 4
 * had the first in its place); where its own name is missing, another one serves. Stored twice with the same elements it is one constant.
 */
export class Weights {
  readonly path: string
  readonly #checkpoint: Checkpoint
  readonly #names: WeightNames
  /** Shared by all modules: the functions of a program ask for the same names, each of which may have dozens of candidates. */
  readonly #found: Found

  constructor(checkpoint: Checkpoint, names: WeightNames = {}, path = '', found: Found = new Map()) {
    this.#checkpoint = checkpoint
    this.#names = names
    this.#found = found
    this.path = path
  }

  /** The tensors of a module below this one. */
  at(module: string | number): Weights {
    return new Weights(this.#checkpoint, this.#names, this.#full(String(module)), this.#found)
  }

  /** Whether a tensor is there. It is not taken by that: what is only asked for counts as unread. */
  has(name: string): boolean {
    const { hasTensor } = this.#checkpoint
    const full = this.#full(name)
    if (!hasTensor || this.#found.has(full)) return this.#find(name) !== undefined
    for (const candidate of this.#candidates(full)) if (hasTensor(candidate)) return true
    return false
  }

  /** A tensor of floats that must be there in this shape. Throws E_TENSOR_MISSING, E_TENSOR_SHAPE or E_TENSOR_INTEGERS. */
  tensor(name: string, shape: readonly number[]): Constant {
    const found = this.#find(name)
    if (found) return this.#checked(found, name, shape)
    const { tensorNames, location } = this.#checkpoint
    const tensor = this.#full(name)
    const candidates = [...this.#candidates(tensor)]
    // Its own name says most about what was meant, unless this checkpoint has another name for it.
    const meant = candidates.includes(tensor) ? tensor : (candidates[0] ?? tensor)
    throw errors.E_TENSOR_MISSING({ tensor, near: nearest(meant, tensorNames), where: location })
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

  #candidates(full: string): Iterable<string> {
    const { candidates = asTheyAre } = this.#names
    return candidates(full)
  }

  #find(name: string): Constant | undefined {
    const full = this.#full(name)
    if (this.#found.has(full)) return this.#found.get(full)
    const found = this.#look(full)
    this.#found.set(full, found)
    return found
  }

  #look(full: string): Constant | undefined {
    const own = this.#stored(full)
    for (const other of this.#names.tied?.find(names => names.includes(full)) ?? []) {
      if (other === full && own) break
      const tensor = this.#stored(other)
      // Constants are told apart by their ids: a copy of the largest tensor would be written twice.
      if (tensor && (!own || sameElements(tensor, own))) return tensor
    }
    return own
  }

  #stored(full: string): Constant | undefined {
    for (const candidate of this.#candidates(full)) {
      const tensor = this.#checkpoint.tensor(candidate)
      if (tensor) return tensor
    }
    return undefined
  }

  #checked(tensor: Constant, name: string, shape: readonly number[]): Constant {
    const facts = { tensor: this.#full(name), where: this.#checkpoint.location }
    if (!sameShape(tensor.shape, shape)) throw errors.E_TENSOR_SHAPE({ ...facts, expected: shape, actual: tensor.shape })
    // Integers are what is left of a quantisation whose scales are elsewhere: as numbers they mean nothing.
    if (!isFloat(tensor.dtype)) throw errors.E_TENSOR_INTEGERS({ ...facts, dtype: tensor.dtype })
    return castConstant(tensor, 'fp32')
  }
}
