import type { Manifest } from '../../manifest.ts'
import { identifier } from './identifier.ts'

/** Names of Apple's that a name of ours could become. */
const taken = new Set(['MLModel', 'CoreModel'])

interface Named {
  readonly name?: string | undefined
  readonly model: Pick<Manifest['model'], 'id'>
}

/** What the Swift of a conversion is called: the namespace, and the file. After what the packages are named, else after the model, so that an app may have several. */
export function swiftName({ name: given, model }: Named): string {
  const words = identifier((given ?? model.id.split('/').at(-1) ?? '').replaceAll(/[^A-Za-z0-9]+/g, ' ').trim())
  const name = `${words.charAt(0).toUpperCase()}${words.slice(1)}Model`
  const safe = /^[A-Z]/.test(name) ? name : `Model${name}`
  return taken.has(safe) ? `${safe}Programs` : safe
}

/** The file of an output folder that has its Swift. */
export const swiftFileName = (manifest: Named): string => `${swiftName(manifest)}.swift`
