import { errors } from './errors.ts'

/** What is taken where it is present, best first: safetensors before pickles, a whole file before shards of it. */
const NAMES = ['model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin', 'pytorch_model.bin.index.json']

/** State of a training run and settings that are stored in the same formats. */
const NOT_WEIGHTS = /^(?:training_args|optimizer|scheduler|scaler|rng_state.*|adapter_model|openvino_model)\.[^.]+$/

/**
 * The file with the weights among the files of one folder, or undefined. Outside of the usual names, a file in one of
 * the formats is taken where it is the only one: single files are published as `sam.pth` or `anything.safetensors`.
 */
export function chooseWeights(files: readonly string[], where: string): string | undefined {
  const usual = NAMES.find(name => files.includes(name))
  if (usual) return usual
  for (const format of [/\.safetensors$/, /\.(?:bin|pth|pt|ckpt)$/]) {
    const found = files.filter(file => format.test(file) && !file.includes('/') && !NOT_WEIGHTS.test(file))
    const index = found.length > 1 ? indexOf(files, format) : undefined
    if (index) return index
    if (found.length > 1) throw errors.E_WEIGHTS_AMBIGUOUS({ files: found, where })
    if (found[0]) return found[0]
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
