/** A special token as a class of tokenizers declares it. What a file of the checkpoint says about it comes before. */
export interface DeclaredToken {
  /** Default: none, unless a file names one. */
  readonly content?: string
  /** Takes the spaces before it. */
  readonly lstrip?: boolean
  /** Is looked for in the text as normalized. Default: in the text as it is. */
  readonly normalized?: boolean
}

/** What a special token is for, in the order in which those that the vocabulary lacks are added to it. */
export const tokenRoles = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const

export type TokenRole = (typeof tokenRoles)[number]

/**
 * The tokenizer of checkpoints that need not carry a tokenizer.json: what its vocabulary is made of, and what its class has where no file
 * of the checkpoint says otherwise.
 */
export interface TokenizerSource {
  /** The sub-folder that its files are in, of a model that has several. Default: the checkpoint's own. */
  readonly folder?: string
  /**
   * `wordpiece`: the lines of vocab.txt. `byte-level-bpe`: vocab.json and merges.txt. `bytes`: no file; the declared tokens come first,
   * in their order, and the bytes follow.
   */
  readonly kind: 'wordpiece' | 'byte-level-bpe' | 'bytes'
  /** transformers' names of the classes that tokenize like this, without "Fast". A file that names another one has another tokenizer. */
  readonly classes: readonly [string, ...string[]]
  readonly tokens: Readonly<Partial<Record<TokenRole, DeclaredToken>>>
  /**
   * What stands around texts A and B. `segments`: cls A sep B sep, where B and what follows are of segment 1. `separated`:
   * cls A sep sep B sep. `start`: bos A B where the settings ask for a start, otherwise A B.
   */
  readonly around: 'segments' | 'separated' | 'start'
  /** Word pieces are of lower case. */
  readonly lowercase?: boolean
  /** Spaces before punctuation are taken out of decoded text. */
  readonly cleanUp?: boolean
}
