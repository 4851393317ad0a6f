import { createHash } from 'node:crypto'
import { arrayConstant, type Constant, errors as coreErrors, own, readAll, type Tensors } from '@silane/core'
import { errors } from '../errors.ts'
import { errors as generateErrors } from '../generate/errors.ts'
import { missingTokenizer } from '../generate/missing-tokenizer.ts'
import { openTokenizer } from '../generate/open-tokenizer.ts'
import { tokenizerFolder } from '../generate/tokenizer-folder.ts'
import { type DeployedTensor, type Manifest, readManifest } from '../manifest.ts'
import { isDeployed, openPrograms, type ProgramSource } from '../pipeline/open-programs.ts'
import type { Frames } from '../tokenizers/frames.ts'

/** A text, with a title in front of it where it has one. */
export interface EncodedText {
  readonly text: string
  readonly title?: string | undefined
}

/** What a text is to the model: some embed questions otherwise than the passages that answer them. */
export type TextKind = 'query' | 'document'

/** A converted encoder that gives a vector for each text. */
export interface TextEncoder {
  /** Tells the weights: sha256 of the checkpoint's files. */
  readonly model: string
  readonly dimension: number
  readonly metric: 'cosine' | 'dot'
  /** Texts per call. */
  readonly batch: number
  /** Tokens that a text may have besides those that the tokenizer puts around it; the rest is cut off. */
  readonly tokens: number
  /** Why the ids of its tokenizer may not be the original's. */
  readonly notes: readonly string[]
  /** Tokens of a text, without those around it. */
  count(text: string): number
  /** The ids of a text as the program reads them, without padding. */
  ids(text: EncodedText, kind: TextKind): readonly number[]
  embed(texts: readonly EncodedText[], kind: TextKind): Promise<readonly Float32Array[]>
  close(): Promise<void>
}

/** Opens the program of a folder that gives vectors. Throws E_NO_EMBEDDINGS and E_NO_TOKENIZER. */
export async function openTextEncoder(folder: string, from: ProgramSource = 'onnx'): Promise<TextEncoder> {
  const manifest = readManifest(folder)
  const found = manifest.programs.flatMap(program => {
    if (!isDeployed(program, from)) return []
    const [fn] = program.functions
    const output = fn?.outputs.find(({ role }) => role === 'embedding')
    const words = fn?.inputs.find(({ role }) => role === 'ids')
    return fn && output && words && words.shape.length === 2 ? [{ program, fn, output, words }] : []
  })[0]
  if (!found) throw errors.E_NO_EMBEDDINGS({ where: folder })
  const { program, fn, output, words } = found
  const within = tokenizerFolder(manifest, program.name)
  const tokenizer = await openTokenizer(folder, within)
  if (!tokenizer) throw missingTokenizer(folder, within)
  const [batch, length] = words.shape as readonly [number, number]
  const dimension = output.shape.at(-1) as number
  const { sentence = { prompts: {}, defaultPrompt: null, similarity: 'cosine' } } = manifest
  const programs = await openPrograms(folder, manifest, from)
  const around = bordersOf(tokenizer.frames)
  const { below = Number.POSITIVE_INFINITY } = words

  const idsOf = ({ text, title }: EncodedText, kind: TextKind): readonly number[] => {
    const prompted = `${promptFor(sentence, kind)}${text}`
    const plain = (of: string) => tokenizer.encode(of, { add_special_tokens: false }).ids
    // A title and its text are a pair: "[CLS] title [SEP] text [SEP]", all of one segment (DPR, `BertTensorizer.text_to_tensor`).
    const inner = title === undefined ? plain(prompted) : [...plain(title), ...around.after, ...plain(prompted)]
    const room = Math.max(0, length - around.before.length - around.after.length)
    const ids = [...around.before, ...inner.slice(0, room), ...around.after]
    // The tokenizer gives whole numbers from 0 on.
    const beyond = ids.find(id => id >= below)
    if (beyond !== undefined) throw generateErrors.E_TOKEN_ID({ id: beyond, below })
    return ids
  }
  return {
    model: weightsOf(manifest),
    dimension,
    metric: output.similarity ?? metricOf(sentence.similarity, folder),
    batch,
    notes: tokenizer.notes,
    tokens: length - around.before.length - around.after.length,
    count: text => tokenizer.encode(text, { add_special_tokens: false }).ids.length,
    ids: idsOf,
    embed: async (texts, kind) => {
      const vectors: Float32Array[] = []
      for (let start = 0; start < texts.length; start += batch) {
        const rows = texts.slice(start, start + batch).map(text => idsOf(text, kind))
        const made = await programs.functions(program.name)[0]?.run(feeds(fn.inputs, rows, [batch, length]))
        const result = own(made, output.name)
        if (!result) throw errors.E_PIPELINE({ problem: `no program gave ${output.name}` })
        const all = Float32Array.from(readAll(result) as Iterable<number>)
        for (let row = 0; row < rows.length; row++) vectors.push(all.slice(row * dimension, (row + 1) * dimension))
      }
      return vectors
    },
    close: () => {
      tokenizer.close()
      return programs.close()
    },
  }
}

/** Ids that a tokenizer puts before and after a text. */
function bordersOf({ single }: Frames): { before: readonly number[]; after: readonly number[] } {
  const found = single.findIndex(part => 'text' in part)
  const at = found < 0 ? single.length : found
  const ids = (parts: Frames['single']) => parts.flatMap(part => ('ids' in part ? part.ids : []))
  return { before: ids(single.slice(0, at)), after: ids(single.slice(at)) }
}

/** Throws E_UNSUPPORTED for a similarity that an index cannot rank by. */
function metricOf(similarity: string, folder: string): TextEncoder['metric'] {
  if (similarity === 'cosine' || similarity === 'dot') return similarity
  throw coreErrors.E_UNSUPPORTED({ what: `${folder}: its vectors are compared by ${similarity}; an index compares by cosine or dot.` })
}

const PURPOSES = { query: ['query'], document: ['document', 'passage', 'corpus'] } as const

/**
 * What sentence-transformers puts in front of a question or a passage: the prompt of that name, else the default one, unless that is
 * meant for the other kind.
 */
function promptFor({ prompts, defaultPrompt }: NonNullable<Manifest['sentence']>, kind: TextKind): string {
  const other: readonly string[] = PURPOSES[kind === 'query' ? 'document' : 'query']
  const names = [...PURPOSES[kind], ...(defaultPrompt === null || other.includes(defaultPrompt) ? [] : [defaultPrompt])]
  const name = names.find(each => Object.hasOwn(prompts, each))
  return name === undefined ? '' : (prompts[name] ?? '')
}

/** Rows of ids, padded on the right, and rows of nothing where there are fewer than a call takes. */
function feeds(
  inputs: readonly DeployedTensor[],
  rows: readonly (readonly number[])[],
  [batch, length]: readonly [number, number],
): Tensors {
  const tensor = (value: (row: readonly number[] | undefined, at: number) => number): Constant =>
    arrayConstant(
      'int32',
      [batch, length],
      Int32Array.from({ length: batch * length }, (_, i) => value(rows[Math.floor(i / length)], i % length)),
    )
  return Object.fromEntries(
    inputs.flatMap(({ name, role }) => {
      if (role === 'ids') return [[name, tensor((row, at) => row?.[at] ?? 0)]]
      // A row that is not there still has a token: a softmax over nothing would be none.
      if (role === 'mask') return [[name, tensor((row, at) => (at < (row?.length ?? 1) ? 1 : 0))]]
      return role === 'segments' ? [[name, tensor(() => 0)]] : []
    }),
  )
}

const weightsOf = ({ model }: Manifest): string =>
  createHash('sha256')
    .update(model.files.map(({ path, sha256 }) => `${path} ${sha256}\n`).join(''))
    .digest('hex')
