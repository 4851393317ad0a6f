import type { PickleDict, PickleTensor, PickleValue } from './pickle-value.ts'
import { Malformed } from './rebuild.ts'

/**
 * Names of tensors in one file. A dict that is in another one many times over gives its names each time, so that their number is not
 * bounded by what the file holds. The interpreter lets 45,000 tensors through.
 */
const MAX_NAMES = 200_000

/**
 * Characters of a tensor's name, those of the dicts around it among them. Names of modules have less than 150. The keys that they are
 * joined from may be long, and one is in as many names as its dict: the most names of this length have 100 MB.
 */
const MAX_NAME = 512

/** The tensors of what torch.save wrote, by name. Names of nested dicts are joined with dots. */
export function stateDict(value: PickleValue): Map<string, PickleTensor> {
  const tensors = new Map<string, PickleTensor>()
  if (isDict(value)) collect(choose(value), '', tensors)
  return tensors
}

/**
 * The dict that is the state dict: the value itself, or the one entry that has tensors, such as `state_dict` or `model` beside the
 * state of an optimizer. That has tensors too, but only further down. Several candidates stay together, told apart by their names.
 */
function choose(dict: PickleDict): PickleDict {
  const values = [...dict.entries.values()]
  if (values.some(isTensor)) return dict
  const dicts = values.filter(isDict)
  const direct = dicts.filter(inner => [...inner.entries.values()].some(isTensor))
  const candidates = direct.length > 0 ? direct : holdingTensors(dicts)
  const [only, ...others] = candidates
  if (only && others.length === 0) return choose(only)
  if (direct.length === 0) return dict
  const kept = new Set<PickleValue>(direct)
  return { ...dict, entries: new Map([...dict.entries].filter(([, inner]) => kept.has(inner))) }
}

const isTensor = (value: PickleValue): value is PickleTensor => typeof value === 'object' && value?.kind === 'tensor'

const isDict = (value: PickleValue): value is PickleDict => typeof value === 'object' && value?.kind === 'dict'

/** The dicts that have tensors in them, at whatever depth. Each is looked at once, however often it occurs; the interpreter bounds the depth. */
function holdingTensors(dicts: readonly PickleDict[]): readonly PickleDict[] {
  const known = new Map<PickleDict, boolean>()
  const holds = (dict: PickleDict): boolean => {
    const before = known.get(dict)
    if (before !== undefined) return before
    let found = false
    for (const value of dict.entries.values()) {
      found = isTensor(value) || (isDict(value) && holds(value))
      if (found) break
    }
    known.set(dict, found)
    return found
  }
  return dicts.filter(holds)
}

function collect(dict: PickleDict, prefix: string, tensors: Map<string, PickleTensor>): void {
  for (const [key, value] of dict.entries) {
    const name = `${prefix}${key}`
    if (isDict(value)) collect(value, `${name}.`, tensors)
    if (!isTensor(value)) continue
    if (tensors.size === MAX_NAMES) throw new Malformed(`it has more than ${MAX_NAMES} names of tensors`)
    if (name.length > MAX_NAME)
      throw new Malformed(`the name of a tensor, "${name.slice(0, 50)}…", has ${name.length} characters; the limit is ${MAX_NAME}`)
    if (tensors.has(name)) throw new Malformed(`two tensors are called "${name}"`)
    tensors.set(name, value)
  }
}
