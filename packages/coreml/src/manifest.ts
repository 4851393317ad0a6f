import { createHash } from 'node:crypto'

export const MODEL_PATH = 'com.apple.CoreML/model.mlmodel'
export const WEIGHTS_PATH = 'com.apple.CoreML/weights'
export const AUTHOR = 'com.apple.CoreML'

/** Manifest.json of a package with a model of one digest and a weight file of another. */
export function manifestText(modelSha256: string, weightsSha256: string): string {
  const model = identifier('model', modelSha256)
  const weights = identifier('weights', weightsSha256)
  const item = (description: string, path: string) => ({ author: AUTHOR, description, name: path.slice(AUTHOR.length + 1), path })
  const items = [
    [model, item('CoreML Model Specification', MODEL_PATH)],
    [weights, item('CoreML Model Weights', WEIGHTS_PATH)],
  ] as const
  const sorted = items.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const manifest = { fileFormatVersion: '1.0.0', itemInfoEntries: Object.fromEntries(sorted), rootModelIdentifier: model }
  return `${JSON.stringify(manifest, undefined, 4)}\n`
}

/** A UUID (version 8: made by the application's own rule) from content, so that equal packages are equal to the byte. */
function identifier(role: string, sha256: string): string {
  const hex = createHash('sha256').update(`${role} ${sha256}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-').toUpperCase()
}
