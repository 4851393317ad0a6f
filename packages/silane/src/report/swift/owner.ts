import type { Method } from './method.ts'

/** The Swift class that an app begins with. */
export interface Owner {
  readonly name: 'Classifier' | 'Generator' | 'PictureReader' | 'Policy' | 'Reader' | 'Segmenter' | 'TextReader'
  /** What an app calls: those that the README shows, and that take texts where there is a tokenizer. */
  readonly methods: readonly Method[]
  /** The class, and the types that its methods name. */
  readonly code: readonly string[]
}
