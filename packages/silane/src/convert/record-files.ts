import type { Checkpoint } from '@silane/core'
import { isRecord } from '../plugins/find-package.ts'

/** The usual files of weights, best first, as `openCheckpoint` takes them. */
const USUAL = ['model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin', 'pytorch_model.bin.index.json']
const FORMATS = [/\.safetensors$/, /\.(?:bin|pth|pt|ckpt)$/]

/** A checkpoint that notes which of its files are used, so that the manifest names and hashes those and no others. */
export function recordFiles(checkpoint: Checkpoint): { readonly checkpoint: Checkpoint; used(): string[] } {
  const used = new Set<string>()
  const record = (base: Checkpoint, prefix: string): Checkpoint => {
    const note = (file: string) => {
      if (base.has(file)) used.add(prefix + file)
    }
    let weights = false
    return {
      ...base,
      json: file => {
        note(file)
        return base.json(file)
      },
      path: file => {
        note(file)
        return base.path(file)
      },
      tensor: name => {
        if (!weights) weightFiles(base).forEach(note)
        weights = true
        return base.tensor(name)
      },
      folder: path => record(base.folder(path), `${prefix}${path}/`),
    }
  }
  const recording = record(checkpoint, '')
  if (checkpoint.has('config.json')) used.add('config.json')
  return { checkpoint: recording, used: () => [...used].sort() }
}

function weightFiles(checkpoint: Checkpoint): string[] {
  const { files } = checkpoint
  const top = files.filter(file => !file.includes('/') && !file.startsWith('golden.'))
  const chosen = USUAL.find(file => files.includes(file))
  if (chosen === undefined) {
    const format = FORMATS.find(pattern => top.some(file => pattern.test(file)))
    return format ? top.filter(file => format.test(file)) : []
  }
  if (!chosen.endsWith('.index.json')) return [chosen]
  const index = checkpoint.json(chosen)
  const map = isRecord(index) && isRecord(index.weight_map) ? Object.values(index.weight_map) : []
  return [chosen, ...new Set(map.filter(shard => typeof shard === 'string'))]
}
