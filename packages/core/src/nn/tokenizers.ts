import type { DeclaredToken, TokenizerSource } from '../plugin/tokenizer-source.ts'

type Names = TokenizerSource['classes']
type More = Partial<Pick<TokenizerSource, 'folder' | 'lowercase' | 'cleanUp'>>

/** Word pieces of lower-case text between [CLS] and [SEP]. */
export const wordPieces = (classes: Names, more: More = {}): TokenizerSource => ({
  kind: 'wordpiece',
  classes,
  tokens: {
    unk: { content: '[UNK]' },
    sep: { content: '[SEP]' },
    pad: { content: '[PAD]' },
    cls: { content: '[CLS]' },
    mask: { content: '[MASK]' },
  },
  around: 'segments',
  lowercase: true,
  cleanUp: true,
  ...more,
})

const normalized = (content: string): DeclaredToken => ({ content, normalized: true })

/** Byte pairs between <s> and </s>. The mask takes the spaces before it. */
export const separatedBytePairs = (classes: Names, mask: Pick<DeclaredToken, 'normalized'>, more: More = {}): TokenizerSource => ({
  kind: 'byte-level-bpe',
  classes,
  tokens: {
    bos: normalized('<s>'),
    eos: normalized('</s>'),
    unk: normalized('<unk>'),
    sep: normalized('</s>'),
    pad: normalized('<pad>'),
    cls: normalized('<s>'),
    mask: { content: '<mask>', lstrip: true, ...mask },
  },
  around: 'separated',
  ...more,
})

/** Byte pairs with nothing around them, unless the settings ask for a start. */
export const bytePairs = (classes: Names, more: More = {}): TokenizerSource => ({
  kind: 'byte-level-bpe',
  classes,
  tokens: {
    bos: normalized('<|endoftext|>'),
    eos: normalized('<|endoftext|>'),
    unk: normalized('<|endoftext|>'),
    pad: { normalized: true },
  },
  around: 'start',
  ...more,
})
