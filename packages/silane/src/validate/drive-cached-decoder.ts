import { arrayConstant, type Constant, type Graph, readAll, type Session, sizeOf, type Tensors, type TensorType } from '@silane/core'
import { CachedDecoder, type DecoderLink, type NewTokens } from '../generate/cached-decoder.ts'
import type { Driver } from './drivers.ts'
import type { StageCalls } from './stage-calls.ts'

/**
 * Gives the logits of a whole sequence as an application gets them: the first half through prefill calls, the rest token by
 * token, over a cache that starts empty.
 */
export const driveCachedDecoder: Driver = async (stage, program, parts, inputs) => {
  const extra = await encoderOutputs(stage, inputs)
  await stage.release()
  const input = inputs.input_ids ? 'input_ids' : 'inputs_embeds'
  const tokens = inputs[input]
  if (!tokens) throw new TypeError(`${program} has no input to drive it by`)
  const decoder = new CachedDecoder(stageLinks(stage, parts), extra)
  const length = tokens.shape[1] ?? 0
  const half = Math.max(1, Math.ceil(length / 2))
  const some = (from: number, to: number): NewTokens => ({ input, values: between(tokens, from, to) })
  let { logits, state } = await decoder.score(decoder.start(), some(0, half))
  const rows = [logits]
  for (let at = half; at < length; at++) {
    ;({ logits, state } = await decoder.score(state, some(at, at + 1)))
    rows.push(logits)
  }
  await stage.release()
  const data = rows.flatMap(row => Array.from(readAll(row), Number))
  return { logits: arrayConstant('fp32', [1, length, logits.shape.at(-1) ?? 1], Float32Array.from(data)) }
}

/** The parts of a decoder in one stage. Only the function that is being called stays open: the other one holds the same weights. */
function stageLinks(stage: StageCalls, parts: readonly string[]): readonly DecoderLink[] {
  let phase: string | undefined
  const session = (program: string, fn: string): Session => ({
    run: async feeds => {
      if (fn !== phase) await stage.release()
      phase = fn
      return stage.call(program, fn, feeds)
    },
    close: async () => {},
  })
  return parts.map(program => {
    const [prefill, step] = [stage.signature(program, 'prefill'), stage.signature(program, 'step')]
    if (!prefill || !step) throw new TypeError(`${program} is no cached decoder`)
    return {
      prefill: session(program, 'prefill'),
      step: session(program, 'step'),
      inputs: { prefill: typesOf(prefill), step: typesOf(step) },
    }
  })
}

const typesOf = (graph: Graph): Readonly<Record<string, TensorType>> =>
  Object.fromEntries([...graph.inputs, ...graph.states].map(({ name, type }) => [name, type]))

/** Columns `from … to − 1` of [1, T, …]. */
function between(tensor: Constant, from: number, to: number): Constant {
  const row = sizeOf(tensor.shape.slice(2))
  return arrayConstant(tensor.dtype, [1, to - from, ...tensor.shape.slice(2)], tensor.read(from * row, (to - from) * row))
}

/** What comes before the decoder: the cross-attention keys and values of its encoder, and the mask over them. */
async function encoderOutputs(stage: StageCalls, inputs: Tensors): Promise<Tensors> {
  const pixels = inputs.pixel_values
  const mask = inputs.encoder_attention_mask
  const masked = mask ? { encoder_attention_mask: mask } : {}
  if (pixels) {
    const image = await stage.call('vision_encoder', 'main', { pixel_values: pixels })
    if (!inputs.encoder_input_ids || !mask || !image.last_hidden_state) return cross(image)
    const text = { input_ids: inputs.encoder_input_ids, attention_mask: mask, image_embeds: image.last_hidden_state }
    return { ...cross(await stage.call('text_encoder', 'main', text)), ...masked }
  }
  const [ids, embeds] = [inputs.encoder_input_ids, inputs.encoder_inputs_embeds]
  if (!mask || !(ids ?? embeds)) return {}
  const text = { ...(ids ? { input_ids: ids } : {}), ...(embeds ? { inputs_embeds: embeds } : {}), attention_mask: mask }
  return { ...cross(await stage.call('encoder', 'main', text)), ...masked }
}

const cross = ({ cross_key: key, cross_value: value }: Tensors): Tensors => ({
  ...(key ? { cross_key: key } : {}),
  ...(value ? { cross_value: value } : {}),
})
