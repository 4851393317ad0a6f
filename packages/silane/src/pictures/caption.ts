import type { Step } from '@silane/core'
import { errors } from '../errors.ts'
import { refuseBoth } from '../generate/contradictions.ts'
import { type Generated, type GenerateOptions, generate } from '../generate/generate.ts'
import { missingTokenizer } from '../generate/missing-tokenizer.ts'
import { type OpenTokenizer, openTokenizer } from '../generate/open-tokenizer.ts'
import { type Manifest, readManifest } from '../manifest.ts'
import { wantedInputs } from '../pipeline/borders.ts'
import { deployedSteps, stepsToDecode } from '../pipeline/steps-for.ts'
import type { ImageRequest } from './image-request.ts'
import { readImage } from './read-image.ts'

type Choices = Omit<GenerateOptions, 'folder' | 'text' | 'ids' | 'things'>

export interface CaptionOptions extends ImageRequest, Choices {
  /** What the caption begins with. */
  readonly text?: string | undefined
  /** Token ids in place of a text. */
  readonly ids?: readonly number[] | undefined
}

export interface AskImageOptions extends ImageRequest, Choices {
  readonly question?: string | undefined
  /** Token ids in place of a question, with what the tokenizer puts around one. */
  readonly ids?: readonly number[] | undefined
}

/** A text about a picture; its notes are about the picture and the words with it, too. */
export type Caption = Generated

/** Describes a picture. Throws E_NO_PICTURES where the programs want a question about it. */
export async function caption(options: CaptionOptions): Promise<Caption> {
  refuseBoth(options.text, options.ids)
  const manifest = readManifest(options.folder)
  const reader = readerOf(manifest, 'caption', options)
  if (reader === 'question')
    throw errors.E_NO_PICTURES({ verb: 'caption', problem: 'it answers questions: `silane ask-image` asks one', where: options.folder })
  return about(manifest, 'caption', options, await prompt(manifest, reader, { text: options.text ?? '', ids: options.ids }, options.folder))
}

/** Answers a question about a picture. Throws E_NO_PICTURES where the programs take none. */
export async function askImage(options: AskImageOptions): Promise<Caption> {
  refuseBoth(options.question, options.ids)
  const manifest = readManifest(options.folder)
  const reader = readerOf(manifest, 'ask-image', options)
  if (reader === undefined)
    throw errors.E_NO_PICTURES({ verb: 'ask-image', problem: 'it describes pictures: `silane caption` does that', where: options.folder })
  const { question: form } = manifest.pipeline
  const { question = '', ids } = options
  if (question === '' && ids === undefined)
    throw errors.E_USAGE({ problem: 'There is no question.', next: 'Give one with --question "…".' })
  const text = form?.replace('{question}', () => question) ?? question
  return about(manifest, 'ask-image', options, await prompt(manifest, reader, { text, ids }, options.folder))
}

async function about(
  manifest: Manifest,
  verb: string,
  { folder, image, plugins, cwd, ...options }: ImageRequest & Choices,
  { ids, notes }: Prompt,
): Promise<Caption> {
  const { things, picture } = await readImage(manifest, { folder, image, plugins, cwd, verb })
  // The ids have the words, whatever else a caller may have passed along.
  const written = await generate({ ...options, text: undefined, folder, things, ids })
  return { ...written, notes: [...notes, ...picture.notes, ...written.notes] }
}

/** Ids that stand for the rows of a picture, at the begin of a prompt. */
interface ImageTokens {
  readonly id: number
  readonly count: number
}

/**
 * Who reads the text that goes with a picture: an encoder, for a question; a prompt in which the picture stands too; or nobody, so that
 * it can only be how a caption begins.
 */
function readerOf(
  manifest: Manifest,
  verb: string,
  { folder, from = 'onnx' }: Pick<CaptionOptions, 'folder' | 'from'>,
): 'question' | ImageTokens | undefined {
  const { pipeline, programs } = manifest
  const steps = stepsToDecode(deployedSteps(manifest, from), new Set())
  if (!steps.some(step => 'decode' in step)) throw errors.E_NO_PICTURES({ verb, problem: 'it writes no text', where: folder })
  if (pipeline.image_tokens) return pipeline.image_tokens
  if (steps.some(hasPlaces))
    throw errors.E_PIPELINE({ problem: 'silane.json has no image_tokens, which say where a picture stands in a prompt' })
  return wantedInputs(steps, programs).some(({ role }) => role === 'ids') ? 'question' : undefined
}

const hasPlaces = (step: Step): boolean => 'place' in step || ('decode' in step && typeof step.entry !== 'string' && !!step.entry.place)

interface Words {
  readonly text: string
  readonly ids: readonly number[] | undefined
}

/** Ids, and what there is to say about how they came of a text. */
interface Prompt {
  readonly ids: readonly number[]
  readonly notes: readonly string[]
}

async function prompt(manifest: Manifest, reader: ReturnType<typeof readerOf>, words: Words, folder: string): Promise<Prompt> {
  const tokenizer = await openTokenizer(folder)
  if (!tokenizer && words.text !== '' && words.ids === undefined) throw missingTokenizer(folder)
  try {
    return { ids: promptWith(tokenizer, { manifest, reader, words }), notes: words.ids === undefined ? (tokenizer?.notes ?? []) : [] }
  } finally {
    tokenizer?.close()
  }
}

interface Prompted {
  readonly manifest: Manifest
  readonly reader: ReturnType<typeof readerOf>
  readonly words: Words
}

function promptWith(tokenizer: OpenTokenizer | undefined, { manifest, reader, words }: Prompted): readonly number[] {
  const ids = (special: boolean): readonly number[] =>
    words.ids ?? tokenizer?.encode(words.text, { add_special_tokens: special }).ids ?? (special ? idIn(manifest, 'bos_token_id') : [])
  if (reader === 'question') return ids(true)
  // What a tokenizer puts around a text is around nothing, too; without one there is at least the token that a text begins with.
  if (reader) return [...Array<number>(reader.count).fill(reader.id), ...ids(true)]
  return [...idIn(manifest, 'decoder_start_token_id'), ...ids(false)]
}

/** An id that the pipeline says a text begins with, if it does. */
function idIn({ pipeline: { generation } }: Manifest, name: string): readonly number[] {
  const found = generation?.[name]
  return typeof found === 'number' ? [found] : []
}
