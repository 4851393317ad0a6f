import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import { bytePairs, separatedBytePairs, type TokenizerSource, wordPieces } from '@silane/core'
import { buildTokenizers } from '../src/tokenizers/build-tokenizers.ts'

/** Folders with vocabularies, and what transformers makes of them: tools/goldens/vocabularies.py. */
export const goldens = fileURLToPath(new URL('../fixtures/tokenizers', import.meta.url))

/** The sources as the plugins give them: each is held against its own in their conformance tests. */
export const sources: Readonly<Record<string, TokenizerSource>> = {
  'bert-uncased': wordPieces(['BertTokenizer']),
  'bert-cased': wordPieces(['BertTokenizer']),
  'bert-accents': wordPieces(['BertTokenizer']),
  'bert-added': wordPieces(['BertTokenizer']),
  distilbert: wordPieces(['DistilBertTokenizer', 'BertTokenizer']),
  realm: wordPieces(['RealmTokenizer'], { cleanUp: false }),
  'rag/question_encoder_tokenizer': wordPieces(['DPRQuestionEncoderTokenizer'], { folder: 'question_encoder_tokenizer' }),
  'rag/generator_tokenizer': separatedBytePairs(['BartTokenizer'], { normalized: true }, { folder: 'generator_tokenizer' }),
  gpt2: bytePairs(['GPT2Tokenizer']),
  'gpt2-prefix': bytePairs(['GPT2Tokenizer']),
  'gpt2-unknown': bytePairs(['GPT2Tokenizer']),
  roberta: separatedBytePairs(['RobertaTokenizer'], {}),
  'roberta-prefix': separatedBytePairs(['RobertaTokenizer'], {}),
  bart: separatedBytePairs(['BartTokenizer'], { normalized: true }),
  opt: bytePairs(['GPT2Tokenizer']),
  perceiver: {
    kind: 'bytes',
    classes: ['PerceiverTokenizer'],
    tokens: Object.fromEntries(
      ['pad', 'bos', 'eos', 'mask', 'cls', 'sep'].map(role => [role, { content: `[${role.toUpperCase()}]`, normalized: true }]),
    ),
    around: 'segments',
  },
}

export interface Golden {
  readonly file: { readonly [key: string]: unknown } | null
  readonly sizes: readonly [number, number]
  readonly ids: readonly (readonly number[])[]
  readonly bare: readonly (readonly number[])[]
  readonly pairs: readonly (readonly number[])[]
  readonly kept: readonly string[]
  readonly skipped: readonly string[]
  readonly spans: readonly (readonly [number[], string, string])[]
  readonly slow?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const read = (file: string) => JSON.parse(readFileSync(join(goldens, file), 'utf8'))

export const { texts, pairs }: { texts: readonly string[]; pairs: readonly (readonly [number, number])[] } = read('texts.json')

export const readGolden = (name: string): Golden => read(`${name}/golden.json`)

/** A copy of a case's folder, with the tokenizer that is made of it; and the sub-folder of the case. */
export async function buildCase(name: string, into: string): Promise<{ folder: string; within: string }> {
  const source = sources[name] as TokenizerSource
  const within = source.folder ?? ''
  const from = within === '' ? name : dirname(name)
  cpSync(join(goldens, from), into, { recursive: true })
  const checkpoint = await openCheckpoint(into)
  try {
    const { files, notes } = buildTokenizers(checkpoint, [source])
    if (notes.length > 0) throw new Error(notes.join())
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(into, file)), { recursive: true })
      writeFileSync(join(into, file), text)
    }
  } finally {
    checkpoint.close()
  }
  return { folder: into, within }
}
