import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '@silane/core'
import { type Manifest, readManifest } from '../manifest.ts'
import { beamSearch } from './beam-search.ts'
import { CachedDecoder, type Position } from './cached-decoder.ts'
import { chooseToken, seededRandom } from './choose-token.ts'
import { errors } from './errors.ts'
import { type GenerationConfig, type GenerationOptions, generationConfig } from './generation-config.ts'
import { applyLogitsRules } from './logits-rules.ts'
import { openPrograms, type ProgramSource } from './open-programs.ts'
import { openTokenizer } from './open-tokenizer.ts'
import { runEncoder } from './run-encoder.ts'

export interface GenerateOptions extends GenerationOptions {
  /** A converted folder. */
  readonly folder: string
  /** The prompt, or what the encoder reads. */
  readonly text?: string | undefined
  /** Token ids in place of a text. */
  readonly ids?: readonly number[] | undefined
  /** What runs: the ONNX files, or the Core ML packages read back from disk. Both in onnxruntime. */
  readonly from?: ProgramSource | undefined
  readonly seed?: number | undefined
  /** Called with each token as it is chosen, and the text so far where there is a tokenizer. Not with beams, which change their minds. */
  readonly onToken?: ((token: number, text: string | undefined) => void) | undefined
}

export interface Generated {
  /** The new tokens, without the prompt or the decoder's start token. */
  readonly tokens: readonly number[]
  /** Undefined without a tokenizer. */
  readonly text: string | undefined
  readonly promptTokens: number
  /** Milliseconds until the first token's scores, and for all tokens after it. */
  readonly prefillMs: number
  readonly decodeMs: number
}

/**
 * Runs the converted programs until a stop rule holds: prompt or encoder text in, text out. The loop is the one an
 * application needs, and what it prints is measured on this machine's CPU. Throws E_NOT_A_DECODER, E_NO_TOKENIZER,
 * E_CONTEXT_FULL and E_INPUT_TOO_LONG.
 */
export async function generate(options: GenerateOptions): Promise<Generated> {
  const manifest = readManifest(options.folder)
  const tokenizer = await openTokenizer(options.folder)
  const ids = options.ids ?? encodeText(tokenizer, options)
  const programs = await openPrograms(options.folder, manifest, options.from ?? 'onnx')
  try {
    const encoderDecoder = manifest.programs.some(({ name }) => name === 'encoder')
    const files = [readJson(options.folder, 'generation_config.json'), readJson(options.folder, 'config.json')]
    const promptOf = (config: GenerationConfig) => (encoderDecoder ? [config.decoderStartTokenId ?? 0] : [...ids])
    const prompt = promptOf(generationConfig(files, options, 0))
    const config = generationConfig(files, options, prompt.length)

    const started = performance.now()
    const extra = encoderDecoder ? await runEncoder(programs, manifest, ids) : {}
    const decoder = new CachedDecoder(await programs.links(), extra)
    const first = await decoder.read(decoder.start(), prompt)
    const prefillMs = performance.now() - started
    const show = (tokens: readonly number[]) => tokenizer?.decode([...tokens], { skip_special_tokens: true })
    const sequence =
      config.beams > 1
        ? await searchBeams(decoder, prompt, first, config, manifest)
        : await goOn(decoder, prompt, first, config, options, show)
    const tokens = sequence.slice(prompt.length)
    const decodeMs = performance.now() - started - prefillMs
    return { tokens, text: show(tokens), promptTokens: encoderDecoder ? ids.length : prompt.length, prefillMs, decodeMs }
  } finally {
    await programs.close()
  }
}

function encodeText(tokenizer: Awaited<ReturnType<typeof openTokenizer>>, { text, folder }: GenerateOptions): readonly number[] {
  if (!tokenizer) throw errors.E_NO_TOKENIZER({ where: folder })
  return tokenizer.encode(text ?? '').ids
}

interface Scored {
  readonly scores: Float32Array
  readonly state: Position
}

async function goOn(
  decoder: CachedDecoder,
  prompt: readonly number[],
  first: Scored,
  config: GenerationConfig,
  { seed, onToken }: GenerateOptions,
  show: (tokens: readonly number[]) => string | undefined,
): Promise<readonly number[]> {
  const random = seededRandom(seed ?? 0)
  const sequence = [...prompt]
  let { scores, state } = first
  while (sequence.length < config.maxLength) {
    const ruled = scores.slice()
    applyLogitsRules(ruled, { ids: sequence, promptLength: prompt.length }, config)
    const token = chooseToken(ruled, config, random)
    sequence.push(token)
    onToken?.(token, show(sequence.slice(prompt.length)))
    if (config.eosTokenIds.includes(token) || sequence.length >= config.maxLength) break
    ;({ scores, state } = await decoder.next(state, token))
  }
  return sequence
}

function searchBeams(
  decoder: CachedDecoder,
  prompt: readonly number[],
  first: Scored,
  config: GenerationConfig,
  manifest: Manifest,
): Promise<readonly number[]> {
  if (manifest.options.kv === 'state') throw errors.E_BEAMS_NEED_IO({})
  return beamSearch(decoder, prompt, first, config)
}

function readJson(folder: string, name: string): { readonly [key: string]: Json } | undefined {
  const file = join(folder, name)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
