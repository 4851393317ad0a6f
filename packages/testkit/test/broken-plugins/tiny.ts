import {
  activate,
  type Builder,
  type Checkpoint,
  computedConstant,
  embedding,
  encoderPlugin,
  firstRows,
  firstToken,
  ids,
  layerNorm,
  limits,
  linear,
  mask,
  readConfig,
  segments,
  transposeConstant,
  type Value,
  Weights,
} from '@silane/core'
import * as z from 'zod'

/** What is wrong with this copy. `suite.ts` writes one for each fault into a package of its own. */
const fault: string = 'none'

let loads = 0

const size = (most: number) => z.int().positive().max(most)

const schema = z
  .object({
    vocab_size: size(limits.vocabulary),
    hidden_size: size(limits.width),
    num_hidden_layers: size(limits.layers),
    num_attention_heads: size(limits.heads),
    intermediate_size: size(limits.feedForward),
    hidden_act: z.enum(['gelu', 'gelu_new']).default('gelu'),
    max_position_embeddings: size(limits.positions),
    type_vocab_size: size(limits.tokenTypes),
    layer_norm_eps: z.number().nonnegative(),
    position_embedding_type: z.literal('absolute').default('absolute'),
    is_decoder: z.literal(false).default(false),
  })
  .refine(c => c.hidden_size % c.num_attention_heads === 0, { path: ['num_attention_heads'], message: 'does not divide hidden_size' })

type Config = z.infer<typeof schema>

function readTiny(checkpoint: Checkpoint): Config {
  if (fault === 'trusts-config') (checkpoint.config.hidden_act as string).toLowerCase()
  // No fixture has it.
  if (fault === 'trusts-rare-setting') void (checkpoint.config.initial_layers as string | undefined)?.toLowerCase()
  return readConfig(checkpoint, schema)
}

/** A linear layer, of which some copies take the weights as they come. */
function dense(b: Builder, x: Value, w: Weights, out: number): Value {
  const width = x.type.shape.at(-1) as number
  if (fault === 'swallows-bias' && !w.has('bias')) return linear(b, x, w, out, { bias: false })
  if (fault === 'swallows-tensors')
    return b.linear({
      x,
      weight: b.constant(w.optional('weight', [out, width]) ?? zeros([out, width])),
      bias: b.constant(w.optional('bias', [out]) ?? zeros([out])),
    })
  if (fault === 'takes-any-shape') {
    const rows = w.shapeOf('weight')?.[0] ?? out
    return b.linear({
      x,
      weight: b.constant(w.tensor('weight', [rows, width])),
      bias: b.constant(w.tensor('bias', [w.shapeOf('bias')?.[0] ?? out])),
    })
  }
  return linear(b, x, w, out)
}

const zeros = (shape: readonly number[]) => computedConstant('fp32', shape, 'zeros', () => 0)

function attention(b: Builder, x: Value, keyMask: Value, w: Weights, { hidden_size, num_attention_heads }: Config): Value {
  const query = w.at('self.query')
  const weight = query.tensor('weight', [hidden_size, hidden_size])
  return b.attention({
    query:
      fault === 'transposed'
        ? b.linear({ x, weight: b.constant(transposeConstant(weight, [1, 0])), bias: b.constant(query.tensor('bias', [hidden_size])) })
        : dense(b, x, query, hidden_size),
    key: dense(b, x, w.at('self.key'), hidden_size),
    value: dense(b, x, w.at('self.value'), hidden_size),
    key_mask: fault === 'reads-no-mask' ? undefined : keyMask,
    heads: num_attention_heads,
    scale: fault === 'unscaled' ? 1 : 1 / Math.sqrt(hidden_size / num_attention_heads),
  })
}

/** BERT's encoder and pooler, and nothing else of it. */
const plugin = encoderPlugin({
  id: 'tiny',
  modelType: 'bert',
  tasks: { BertModel: 'feature-extraction' },
  spare: ['embeddings.position_ids'],
  config: readTiny,
  weights: checkpoint => new Weights(checkpoint),
  positions: config => config.max_position_embeddings,
  inputs: config => ({ input_ids: ids(config.vocab_size), attention_mask: mask, token_type_ids: segments(config.type_vocab_size) }),
  encode: (b, inputs, { w, config }) => {
    const { hidden_size, vocab_size, max_position_embeddings, type_vocab_size, hidden_act } = config
    const epsilon = fault === 'another-epsilon' ? 1e-5 : config.layer_norm_eps
    const tables = w.at('embeddings')
    const words = embedding(b, inputs.input_ids, tables.at('word_embeddings'), vocab_size, hidden_size)
    const types = embedding(b, inputs.token_type_ids, tables.at('token_type_embeddings'), type_vocab_size, hidden_size)
    const positions = firstRows(
      b,
      tables.at('position_embeddings'),
      max_position_embeddings,
      hidden_size,
      inputs.input_ids.type.shape[1] as number,
    )
    const sum = fault === 'no-segments' ? words : b.add({ x: words, y: types })
    let x = layerNorm(b, b.add({ x: sum, y: positions }), tables.at('LayerNorm'), epsilon)
    for (let i = 0; i < config.num_hidden_layers; i++) {
      const at = w.at('encoder.layer').at(i)
      const attended = dense(
        b,
        attention(b, x, inputs.attention_mask, at.at('attention'), config),
        at.at('attention.output.dense'),
        hidden_size,
      )
      const a = layerNorm(b, b.add({ x: attended, y: x }), at.at('attention.output.LayerNorm'), epsilon)
      const wide = dense(b, a, at.at('intermediate.dense'), config.intermediate_size)
      const act = fault === 'ignores-activation' ? 'gelu' : hidden_act
      const inner = fault === 'no-activation' ? wide : activate(b, act, wide)
      x = layerNorm(b, b.add({ x: dense(b, inner, at.at('output.dense'), hidden_size), y: a }), at.at('output.LayerNorm'), epsilon)
    }
    return fault === 'names-the-run' ? b.in(`run${loads++}`, () => b.mul({ x, y: b.scalar(1, x) })) : x
  },
  pooled: ({ b, x, w, config }) =>
    fault === 'lacks-an-output' ? undefined : b.tanh({ x: dense(b, firstToken(b, x), w.at('pooler.dense'), config.hidden_size) }),
  heads: {},
})

export default fault === 'a-task-without-a-fixture' ? { ...plugin, tasks: { ...plugin.tasks, BertForMaskedLM: 'fill-mask' } } : plugin
