import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import { arrayConstant, type Checkpoint, type Graph, readAll, rewriteTo, type SourceModel, scaleConstant, type Tensors } from '@silane/core'
import { compare, createRuntime } from '@silane/runtime'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

/** The gate of packages whose every op is rounded to fp16. */
const GATE = 40
const LENGTH = 24

const runtime = createRuntime()

/** A checkpoint whose feed-forward layers put out much more, as trained ones do. */
const louder = (base: Checkpoint, factor: number): Checkpoint => ({
  ...base,
  tensor: name => {
    const tensor = base.tensor(name)
    return tensor && name.endsWith('DenseReluDense.wo.weight') ? scaleConstant(tensor, factor) : tensor
  },
})

/** The programs of a louder fixture, with the stream scaled as the plugin does or left as it is. */
async function load(fixture: string, factor: number, stream: 'scaled' | 'plain'): Promise<SourceModel> {
  vi.resetModules()
  if (stream === 'plain') vi.doMock('../src/stream-scale.ts', () => ({ streamScale: () => 1 }))
  else vi.doUnmock('../src/stream-scale.ts')
  const { default: t5 } = await import('../src/index.ts')
  const checkpoint = await openCheckpoint(fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url)))
  onTestFinished(() => checkpoint.close())
  return t5.load({
    checkpoint: louder(checkpoint, factor),
    architecture: 'T5ForConditionalGeneration',
    task: 'text2text-generation',
    options: { seq: [LENGTH], batch: 1, 'truncate-dim': undefined, context: 32, prefill: 8, kv: 'io' },
  })
}

const ints = (values: readonly number[]) => arrayConstant('int32', [1, values.length], Int32Array.from(values))
const row = (count: number, value: (at: number) => number) => ints(Array.from({ length: count }, (_, at) => value(at)))

async function run(graph: Graph, inputs: Tensors, rounding: 'none' | 'fp16'): Promise<Tensors> {
  const session = await runtime.open(graph, { rounding })
  onTestFinished(() => session.close())
  return session.run(inputs)
}

const functionOf = ({ programs }: SourceModel, program: string, name: string): Graph => {
  const found = programs.find(candidate => candidate.name === program)?.functions.find(graph => graph.name === name)
  if (!found) throw new TypeError(`no ${program}/${name}`)
  return found
}

const half = (graph: Graph): Graph => rewriteTo(graph, { name: 'coreml', precision: 'fp16', opset: 8 }).graph
const exact = (graph: Graph): Graph => rewriteTo(graph, { name: 'onnx', precision: 'fp32', opset: 8 }).graph

const encoderInputs: Tensors = { input_ids: row(LENGTH, at => 3 + ((at * 37) % 250)), attention_mask: row(LENGTH, () => 1) }

function decoderInputs({ cross_key, cross_value }: Tensors, graph: Graph): Tensors {
  const caches = graph.inputs
    .filter(({ name }) => name === 'key_cache' || name === 'value_cache')
    .map(({ name, type }) => [name, arrayConstant('fp32', type.shape, new Float32Array(type.shape.reduce((a, b) => a * b, 1)))] as const)
  return {
    ...Object.fromEntries(caches),
    input_ids: row(8, at => (at === 0 ? 0 : 5 + at * 31)),
    position_ids: row(8, at => at),
    encoder_attention_mask: row(LENGTH, () => 1),
    cross_key: cross_key!,
    cross_value: cross_value!,
  }
}

/** What the encoder and the first call of the decoder give, in fp32 and with every op rounded to fp16; the decoder reads the exact encoder. */
async function outputs(model: SourceModel) {
  const encoder = functionOf(model, 'encoder', 'main')
  const encoded = await run(exact(encoder), encoderInputs, 'none')
  const decoder = functionOf(model, 'decoder', 'prefill')
  const inputs = decoderInputs(encoded, decoder)
  return {
    hidden: { exact: encoded.last_hidden_state!, rounded: (await run(half(encoder), encoderInputs, 'fp16')).last_hidden_state! },
    logits: { exact: (await run(exact(decoder), inputs, 'none')).logits!, rounded: (await run(half(decoder), inputs, 'fp16')).logits! },
  }
}

const finite = (constant: Parameters<typeof readAll>[0]): boolean => readAll(constant).every(value => Number.isFinite(Number(value)))

/** Feed-forward outputs beyond fp16's 65504, as the large checkpoints have them. */
const LOUDER = 2 ** 14

describe.each(['text2text', 'flan'])('%s, its feed-forward layers louder', fixture => {
  test('overflows in fp16 where the stream is not scaled', async () => {
    const { hidden, logits } = await outputs(await load(fixture, LOUDER, 'plain'))
    expect([hidden.exact, logits.exact].map(finite)).toEqual([true, true])
    expect([hidden.rounded, logits.rounded].map(finite)).toEqual([false, false])
  })

  test('stays finite and within the gate where it is', async () => {
    const { hidden, logits } = await outputs(await load(fixture, LOUDER, 'scaled'))
    expect([hidden.rounded, logits.rounded].map(finite)).toEqual([true, true])
    expect(compare(hidden.exact, hidden.rounded).psnr).toBeGreaterThan(GATE)
    expect(compare(logits.exact, logits.rounded).psnr).toBeGreaterThan(GATE)
  })

  test('the scale changes nothing in fp32', async () => {
    const [plain, scaled] = [await outputs(await load(fixture, 1, 'plain')), await outputs(await load(fixture, 1, 'scaled'))]
    expect(compare(plain.hidden.exact, scaled.hidden.exact).psnr).toBeGreaterThan(120)
    expect(compare(plain.logits.exact, scaled.logits.exact).psnr).toBeGreaterThan(120)
  })
})
