import {
  type Checkpoint,
  type Constant,
  denseConstant,
  type Json,
  type SentenceModule,
  type SentenceSettings,
  sizeOf,
} from '../src/index.ts'
import { seedOf, uniform } from './random.ts'

interface Parts {
  readonly config?: { readonly [key: string]: Json }
  /** Shapes of tensors by name; elements depend on the name alone. */
  readonly tensors?: Readonly<Record<string, readonly number[]>>
  readonly json?: Readonly<Record<string, Json>>
  readonly sentence?: readonly SentenceModule[]
  readonly sentenceSettings?: SentenceSettings
  readonly tokenLimit?: number
  readonly imageProcessor?: { readonly [key: string]: Json }
  readonly folders?: Readonly<Record<string, Parts>>
}

export const tensorOf = (name: string, shape: readonly number[]): Constant => ({
  ...denseConstant('fp32', shape, Float32Array.from(uniform(sizeOf(shape), seedOf(name)))),
  id: name,
})

/** A checkpoint in memory. */
export function fakeCheckpoint(
  { config = {}, tensors = {}, json = {}, folders = {}, ...settings }: Parts,
  location = './model',
): Checkpoint {
  const files = Object.keys(json)
  return {
    location,
    id: 'model',
    revision: null,
    config,
    files,
    has: file => files.includes(file),
    json: file => json[file],
    path: file => `${location}/${file}`,
    folder: path => fakeCheckpoint(folders[path] ?? {}, `${location}/${path}`),
    sentenceModules: () => settings.sentence,
    sentenceSettings: () => settings.sentenceSettings,
    tokenLimit: () => settings.tokenLimit,
    imageProcessor: () => settings.imageProcessor && { file: 'preprocessor_config.json', settings: settings.imageProcessor },
    tensorNames: Object.keys(tensors),
    tensor: name => (Object.hasOwn(tensors, name) ? tensorOf(name, tensors[name]!) : undefined),
  }
}
