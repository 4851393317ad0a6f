import {
  arrayConstant,
  type Constant,
  errors as coreErrors,
  type GenerationSettings,
  own,
  type Placeholders,
  type PortRole,
  type Step,
  type Tensors,
} from '@silane/core'
import { readFolderJson } from '../folder-json.ts'
import { type DeployedTensor, type Manifest, readManifest } from '../manifest.ts'
import { type Bound, wantedInputs } from '../pipeline/borders.ts'
import { openPrograms, type ProgramSource } from '../pipeline/open-programs.ts'
import type { PipelinePrograms } from '../pipeline/pipeline-programs.ts'
import { runPipeline } from '../pipeline/run-pipeline.ts'
import { deployedSteps, stepsToDecode } from '../pipeline/steps-for.ts'
import { chooseSequences } from './choose-sequences.ts'
import { refuseContradictions } from './contradictions.ts'
import { errors } from './errors.ts'
import { beginning, type GenerationOptions, generationSettings, longestSequence, promptOf } from './generation-config.ts'
import { missingTokenizer } from './missing-tokenizer.ts'
import { type OpenTokenizer, openTokenizer } from './open-tokenizer.ts'
import { seededRandom } from './seeded-random.ts'
import { stopRule } from './stop-rule.ts'
import { tokenizerFolder } from './tokenizer-folder.ts'

export interface GenerateOptions extends GenerationOptions {
  /** A converted folder. */
  readonly folder: string
  /** The prompt, or what the encoder reads. */
  readonly text?: string | undefined
  /** Token ids in place of a text. */
  readonly ids?: readonly number[] | undefined
  /** What the steps read besides, by the names that the pipeline has for it: pixels, say. */
  readonly things?: Tensors | undefined
  /** What runs: the ONNX files, or the Core ML packages read back from disk. Both in onnxruntime. */
  readonly from?: ProgramSource | undefined
  readonly seed?: number | undefined
  /**
   * Called with each token as it is chosen, and the text so far where there is a tokenizer. Not with beams, which change their minds; of
   * several results only with the first.
   */
  readonly onToken?: ((token: number, text: string | undefined) => void) | undefined
}

/** Why a result goes no further: its end token, as many tokens as were asked for or the cache holds, a stop string, or `max_time`. */
export type StopReason = 'end' | 'length' | 'text' | 'time'

/** One result. */
export interface GeneratedSequence {
  /** The new tokens, without the prompt or the decoder's start token. */
  readonly tokens: readonly number[]
  /** Undefined without a tokenizer. */
  readonly text: string | undefined
  readonly stopReason: StopReason
}

/** The first result, the best with beams. */
export interface Generated extends GeneratedSequence {
  /** All of them: `num_return_sequences`. */
  readonly sequences: readonly GeneratedSequence[]
  /** Settings that are not followed, what the tokenizer does that was not checked, and where a cache that is full ended a text. */
  readonly notes: readonly string[]
  readonly promptTokens: number
  /** Milliseconds until the first token's scores, and for all tokens after it. */
  readonly prefillMs: number
  readonly decodeMs: number
}

/**
 * Runs the converted programs until a stop rule holds: prompt or encoder text in, text out. The loop is the one an
 * application needs, and what it prints is measured on this machine's CPU. A cache that is full ends a text like the length that was
 * asked for. Throws E_NOT_A_DECODER, E_NO_TOKENIZER,
 * E_CONTEXT_FULL, E_INPUT_TOO_LONG, E_MAX_LENGTH, E_PROMPT_EMPTY, E_TOKEN_ID, E_PICTURE_WANTED and E_PLACES, and E_CONFIG, E_OPTION and
 * E_UNSUPPORTED for settings.
 */
export async function generate(options: GenerateOptions): Promise<Generated> {
  refuseContradictions(options)
  const manifest = readManifest(options.folder)
  const from = options.from ?? 'onnx'
  const steps = stepsToDecode(deployedSteps(manifest, from), new Set(Object.keys(options.things ?? {})))
  const within = tokenizerFolder(manifest, decoderOf(steps))
  const tokenizer = await openTokenizer(options.folder, within)
  try {
    return await generateWith({ manifest, from, steps, within, tokenizer }, options)
  } finally {
    tokenizer?.close()
  }
}

interface Opened {
  readonly manifest: Manifest
  readonly from: ProgramSource
  readonly steps: readonly Step[]
  /** Where the tokenizer is from. */
  readonly within: string
  readonly tokenizer: OpenTokenizer | undefined
}

async function generateWith({ manifest, from, steps, within, tokenizer }: Opened, options: GenerateOptions): Promise<Generated> {
  const { folder } = options
  const given = options.things ?? {}
  const config = readFolderJson(folder, 'config.json')
  const files = { folder, pipeline: manifest.pipeline.generation, generation: readFolderJson(folder, 'generation_config.json'), config }
  const { settings, notes, blame } = generationSettings(files, options)
  const ofText = options.ids === undefined ? (tokenizer?.notes ?? []) : []
  if (!steps.some(step => 'decode' in step)) throw errors.E_NOT_A_DECODER({ where: folder })
  const said = options.ids ?? encodeText(tokenizer, options, within)
  const ids = said.length > 0 ? said : beginning(settings)
  const programs = await openPrograms(folder, manifest, from)
  try {
    const wanted = wantedInputs(steps, manifest.programs).filter(({ thing }) => !Object.hasOwn(given, thing))
    if (wanted.some(({ role }) => role === 'image')) throw errors.E_PICTURE_WANTED({ where: folder })
    const reader = textReader(wanted)
    checkIds(ids, steps, programs, wanted, given)
    checkSettings(settings, steps, manifest)
    const prompt = promptOf(ids, settings, { encoded: reader !== undefined, folder })
    if (reader) checkStart(prompt, steps, programs)
    const whole = (tokens: readonly number[], skip: boolean) =>
      // The tokenizer refuses to decode nothing.
      tokenizer && (tokens.length === 0 ? '' : tokenizer.decode(tokens, { skip_special_tokens: skip }))
    const show = (sequence: readonly number[]) => whole(sequence.slice(prompt.length), true)

    const started = performance.now()
    const elapsed = () => performance.now() - started
    const stops = stopRule({ settings, decode: tokenizer && (tokens => whole(tokens, false) ?? ''), folder, elapsed })
    let [found, prefillMs, asked, room]: [readonly (readonly number[])[], number, number, number] = [[], 0, 0, 0]
    await runPipeline(steps, programs, { ...given, ...reader?.read(ids) }, async decoder => {
      const { context } = decoder
      if (prompt.length > context) throw errors.E_CONTEXT_FULL({ context, tokens: prompt.length })
      // The last token is written and not read, so it needs no slot.
      room = context + 1
      const maxLength = longestSequence({ settings, config, promptLength: prompt.length, capacity: room })
      asked = maxLength
      const first = await decoder.read(decoder.start(), prompt)
      prefillMs = elapsed()
      found = await chooseSequences(decoder, first, {
        settings,
        blame,
        prompt,
        maxLength,
        room,
        source: ids,
        stops,
        random: seededRandom(options.seed ?? 0),
        onToken: sequence => options.onToken?.(sequence.at(-1) as number, show(sequence)),
      })
      return {}
    })
    const decodeMs = elapsed() - prefillMs
    const reason = (sequence: readonly number[]): StopReason => {
      if (sequence.length > prompt.length && settings.eos_token_id?.includes(sequence.at(-1) as number)) return 'end'
      // The time may be over by now, whatever ended it then.
      const stop = stops(sequence)
      return stop === 'text' || sequence.length < Math.min(asked, room) ? (stop ?? 'length') : 'length'
    }
    const sequences = found.map(sequence => ({
      tokens: sequence.slice(prompt.length),
      text: show(sequence),
      stopReason: reason(sequence),
    }))
    const full = room < asked && found.some(sequence => sequence.length === room && reason(sequence) === 'length')
    const remarks = full ? [`the cache of ${room - 1} slots is full: convert with a larger --context for longer texts`] : []
    const [first = { tokens: [], text: show(prompt), stopReason: 'length' as const }] = sequences
    const promptTokens = reader ? ids.length : prompt.length
    return { ...first, sequences, notes: [...ofText, ...notes, ...remarks], promptTokens, prefillMs, decodeMs }
  } finally {
    await programs.close()
  }
}

/** What settings ask of the programs. Throws E_BEAMS_NEED_IO and E_UNSUPPORTED. */
function checkSettings(
  { num_beams: beams = 1, guidance_scale: scale = 1 }: GenerationSettings,
  steps: readonly Step[],
  manifest: Manifest,
): void {
  const states = manifest.programs.some(({ functions }) => functions.some(each => each.states.length > 0))
  if (beams > 1 && states) throw errors.E_BEAMS_NEED_IO({})
  if (scale !== 1 && steps.some(step => 'decode' in step && Object.keys(step.feeds).length > 0)) {
    const what =
      'guidance_scale compares with a decoder that has read no prompt; this one attends to what is before it and cannot do without.'
    throw coreErrors.E_UNSUPPORTED({
      what,
      next: 'Leave guidance_scale out. transformers fails there or reads its own output as the text.',
    })
  }
}

/** Throws E_TOKEN_ID for a start token that the decoder has not. */
function checkStart(prompt: readonly number[], steps: readonly Step[], programs: PipelinePrograms): void {
  for (const { below = Number.POSITIVE_INFINITY } of entriesOf(steps, programs)) {
    const id = prompt.find(each => each >= below)
    if (id !== undefined) throw errors.E_TOKEN_ID({ id, below })
  }
}

/** The first program of what decodes: its words are those of what it attends to. */
const decoderOf = (steps: readonly Step[]): string => steps.flatMap(step => ('decode' in step ? step.decode : []))[0] ?? ''

/** What reads a text before anything is decoded. */
interface TextReader {
  /** The things that it wants for a text: its ids, padded on the right, and the mask over them. Throws E_INPUT_TOO_LONG. */
  read(ids: readonly number[]): Tensors
}

/** An input that is wanted from outside, and the thing that it is fed with. */
type Wanted = Bound<DeployedTensor>

function textReader(wanted: readonly Wanted[]): TextReader | undefined {
  const ofRole = (role: PortRole) => wanted.flatMap(input => (input.role === role ? [{ ...input, length: input.shape[1] ?? 0 }] : []))
  const words = ofRole('ids')
  if (words.length === 0) return undefined
  const row = (length: number, value: (at: number) => number): Constant =>
    arrayConstant(
      'int32',
      [1, length],
      Int32Array.from({ length }, (_, at) => value(at)),
    )
  return {
    read: ids => {
      const shortest = Math.min(...words.map(({ length }) => length))
      if (ids.length > shortest) throw errors.E_INPUT_TOO_LONG({ tokens: ids.length, length: shortest })
      return Object.fromEntries([
        ...words.map(({ thing, length }) => [thing, row(length, at => ids[at] ?? 0)] as const),
        ...ofRole('mask').map(({ thing, length }) => [thing, row(length, at => (at < ids.length ? 1 : 0))] as const),
      ])
    },
  }
}

/**
 * Holds ids against those that a model has, and their places for rows of a picture against the rows: a place too many would stay a word,
 * and a row too many would not be seen. Throws E_TOKEN_ID, E_PLACES, and E_PICTURE_WANTED where there are places and no rows.
 */
function checkIds(
  ids: readonly number[],
  steps: readonly Step[],
  programs: PipelinePrograms,
  wanted: readonly Wanted[],
  given: Tensors,
): void {
  const words = wanted.filter(({ role }) => role === 'ids')
  for (const { below } of words.length > 0 ? words : entriesOf(steps, programs)) {
    const id = ids.find(id => !(id >= 0 && id < (below ?? Number.POSITIVE_INFINITY)))
    if (id !== undefined && below !== undefined) throw errors.E_TOKEN_ID({ id, below })
  }
  for (const { id, rows: thing } of placesOf(steps)) {
    const found = ids.filter(each => each === id).length
    const rows = rowsOf(thing, steps, programs, given)
    if (rows === undefined && found > 0) throw errors.E_PICTURE_WANTED({})
    if (rows !== undefined && rows !== found) throw errors.E_PLACES({ id, found, rows })
  }
}

/** The inputs for ids of the decoders, or of what makes vectors of ids for them. */
const entriesOf = (steps: readonly Step[], programs: PipelinePrograms): readonly DeployedTensor[] =>
  steps.flatMap(step => {
    if (!('decode' in step)) return []
    const [fn] = programs.functions(typeof step.entry === 'string' ? (step.decode[0] ?? '') : step.entry.embed)
    return (fn?.inputs ?? []).filter(({ role }) => role === 'ids')
  })

const placesOf = (steps: readonly Step[]): readonly Placeholders[] =>
  steps.flatMap(step => {
    if ('place' in step) return [{ id: step.place, rows: step.feeds.rows }]
    const place = 'decode' in step && typeof step.entry !== 'string' ? step.entry.place : undefined
    return place ? [place] : []
  })

/** How many rows [1, N, C] a thing has that is given or that a call gives; undefined where there is none. */
function rowsOf(thing: string, steps: readonly Step[], programs: PipelinePrograms, given: Tensors): number | undefined {
  const there = own(given, thing)
  if (there) return there.shape[1]
  const counts = steps.flatMap(step => {
    const output = 'call' in step ? own(step.gives, thing) : undefined
    const made = 'call' in step ? programs.functions(step.call)[0]?.outputs.find(({ name }) => name === output) : undefined
    return made?.shape[1] ?? []
  })
  return counts[0]
}

function encodeText(tokenizer: OpenTokenizer | undefined, { text = '', folder }: GenerateOptions, within: string): readonly number[] {
  if (tokenizer) return tokenizer.encode(text).ids
  if (text === '') return []
  throw missingTokenizer(folder, within)
}
