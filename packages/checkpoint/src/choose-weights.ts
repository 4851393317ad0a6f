import { firstOfShards } from './counted-shards.ts'
import { errors } from './errors.ts'
import { isAdapter } from './is-adapter.ts'

/** What is taken where it is present, best first: safetensors before pickles, a whole file before shards of it. */
const NAMES = ['model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin', 'pytorch_model.bin.index.json']

const FORMATS = [/\.safetensors$/, /\.(?:bin|pth|pt|ckpt)$/]

/**
 * State of a training run and settings that are stored in the same formats, as transformers, accelerate and PyTorch's scripts
 * name them, with the number of a process or of one of several: `optimizer.pt`, `optimizer_1.bin`, `rng_state_0.pth`. No part of a name is
 * read in two ways: a `_` that also parts words doubles the time with every other one that a stranger wrote into it.
 */
const OF_TRAINING =
  /^(?:training_args|trainer_state|optimizer|scheduler|lr_scheduler|scaler|sampler|dl_state_dict|rng_state|random_states?)(?:[._-][\w.-]*)?\.\w+$/

/** Outputs of the original, which lie beside a checkpoint to compare with; and another program's form of the weights. */
const BESIDE = /^(?:golden\..+|openvino_model)\.\w+$/

const isWeights = (file: string): boolean =>
  FORMATS.some(format => format.test(file)) && !file.includes('/') && !OF_TRAINING.test(file) && !BESIDE.test(file) && !isAdapter(file)

/**
 * The file with the weights among the files of one folder, or undefined. Outside of the usual names, a file in one of
 * the formats is taken where it is the only one: single files are published as `sam.pth` or `anything.safetensors`.
 * Several whose names count up as shards of one set stand for all of them, an index or not: then it is the first. No other rule says
 * which files are the weights. Throws E_WEIGHTS_AMBIGUOUS.
 */
export function chooseWeights(files: readonly string[], where: string): string | undefined {
  const usual = NAMES.find(name => files.includes(name))
  if (usual) return usual
  const candidates = files.filter(isWeights)
  for (const format of FORMATS) {
    const found = candidates.filter(file => format.test(file))
    const index = found.length > 1 ? indexOf(files, format) : undefined
    if (index) return index
    const sets = new Set(found.map(file => firstOfShards(file) ?? file))
    const [set] = sets
    if (set !== undefined && sets.size === 1) return found.length === 1 ? found[0] : set
    if (found.length > 1) throw errors.E_WEIGHTS_AMBIGUOUS({ files: found, where })
  }
  return undefined
}

/** `name.safetensors.index.json` beside the shards `name-00001-of-00002.safetensors`, where there is one such index. */
function indexOf(files: readonly string[], format: RegExp): string | undefined {
  const found = files.filter(
    file => !file.includes('/') && file.endsWith('.index.json') && format.test(file.slice(0, -'.index.json'.length)),
  )
  return found.length === 1 ? found[0] : undefined
}
