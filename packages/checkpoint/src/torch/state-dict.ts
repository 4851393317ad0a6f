import type { PickleDict, PickleTensor, PickleValue } from './pickle-value.ts'
import { Malformed } from './rebuild.ts'

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
  const candidates = direct.length > 0 ? direct : dicts.filter(holdsTensors)
  const [only, ...others] = candidates
  if (only && others.length === 0) return choose(only)
  if (direct.length === 0) return dict
  return { ...dict, entries: new Map([...dict.entries].filter(([, inner]) => direct.some(kept => kept === inner))) }
}

const isTensor = (value: PickleValue): value is PickleTensor => typeof value === 'object' && value?.kind === 'tensor'

const isDict = (value: PickleValue): value is PickleDict => typeof value === 'object' && value?.kind === 'dict'

// The interpreter bounds depth and number of what is walked through here, repeated parts included.
const holdsTensors = (dict: PickleDict): boolean =>
  [...dict.entries.values()].some(value => isTensor(value) || (isDict(value) && holdsTensors(value)))

function collect(dict: PickleDict, prefix: string, tensors: Map<string, PickleTensor>): void {
  for (const [key, value] of dict.entries) {
    const name = `${prefix}${key}`
    if (isDict(value)) collect(value, `${name}.`, tensors)
    if (!isTensor(value)) continue
    if (tensors.has(name)) throw new Malformed(`two tensors are called "${name}"`)
    tensors.set(name, value)
  }
}
