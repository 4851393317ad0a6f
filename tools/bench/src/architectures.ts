/** A tensor of a checkpoint: its name and shape. */
export type TensorShape = readonly [name: string, ...shape: number[]]

export interface Architecture {
  readonly config: Readonly<Record<string, unknown>>
  readonly tensors: readonly TensorShape[]
}

const linear = (name: string, out: number, inner: number): TensorShape[] => [
  [`${name}.weight`, out, inner],
  [`${name}.bias`, out],
]
const norm = (name: string, width: number): TensorShape[] => [
  [`${name}.weight`, width],
  [`${name}.bias`, width],
]
const repeat = (count: number, make: (i: number) => TensorShape[]): TensorShape[] => Array.from({ length: count }, (_, i) => make(i)).flat()

interface Sizes {
  readonly layers: number
  readonly hidden: number
  readonly heads: number
  readonly inner: number
  readonly vocab: number
  readonly positions: number
}

const bertLayers = ({ layers, hidden, inner }: Sizes): TensorShape[] =>
  repeat(layers, i => {
    const at = `encoder.layer.${i}`
    return [
      ...['query', 'key', 'value'].flatMap(name => linear(`${at}.attention.self.${name}`, hidden, hidden)),
      ...linear(`${at}.attention.output.dense`, hidden, hidden),
      ...norm(`${at}.attention.output.LayerNorm`, hidden),
      ...linear(`${at}.intermediate.dense`, inner, hidden),
      ...linear(`${at}.output.dense`, hidden, inner),
      ...norm(`${at}.output.LayerNorm`, hidden),
    ]
  })

const bertEmbeddings = ({ hidden, vocab, positions }: Sizes, types: number): TensorShape[] => [
  ['embeddings.word_embeddings.weight', vocab, hidden],
  ['embeddings.position_embeddings.weight', positions, hidden],
  ['embeddings.token_type_embeddings.weight', types, hidden],
  ...norm('embeddings.LayerNorm', hidden),
]

const bertKeys = ({ layers, hidden, heads, inner, vocab, positions }: Sizes) => ({
  vocab_size: vocab,
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  intermediate_size: inner,
  max_position_embeddings: positions,
})

const bert = (sizes: Sizes): Architecture => ({
  config: { model_type: 'bert', architectures: ['BertModel'], ...bertKeys(sizes) },
  tensors: [...bertEmbeddings(sizes, 2), ...bertLayers(sizes), ...linear('pooler.dense', sizes.hidden, sizes.hidden)],
})

const roberta = (sizes: Sizes): Architecture => ({
  config: {
    model_type: 'roberta',
    architectures: ['RobertaModel'],
    layer_norm_eps: 1e-5,
    type_vocab_size: 1,
    pad_token_id: 1,
    ...bertKeys(sizes),
  },
  tensors: [...bertEmbeddings(sizes, 1), ...bertLayers(sizes), ...linear('pooler.dense', sizes.hidden, sizes.hidden)],
})

const distilbert = ({ layers, hidden, heads, inner, vocab, positions }: Sizes): Architecture => ({
  config: {
    model_type: 'distilbert',
    architectures: ['DistilBertModel'],
    dim: hidden,
    n_layers: layers,
    n_heads: heads,
    hidden_dim: inner,
    vocab_size: vocab,
  },
  tensors: [
    ['embeddings.word_embeddings.weight', vocab, hidden],
    ['embeddings.position_embeddings.weight', positions, hidden],
    ...norm('embeddings.LayerNorm', hidden),
    ...repeat(layers, i => {
      const at = `transformer.layer.${i}`
      return [
        ...['q_lin', 'k_lin', 'v_lin', 'out_lin'].flatMap(name => linear(`${at}.attention.${name}`, hidden, hidden)),
        ...norm(`${at}.sa_layer_norm`, hidden),
        ...linear(`${at}.ffn.lin1`, inner, hidden),
        ...linear(`${at}.ffn.lin2`, hidden, inner),
        ...norm(`${at}.output_layer_norm`, hidden),
      ]
    }),
  ],
})

const albert = (sizes: Sizes, embedding: number): Architecture => {
  const { hidden, inner, vocab, positions } = sizes
  const at = 'encoder.albert_layer_groups.0.albert_layers.0'
  return {
    config: { model_type: 'albert', architectures: ['AlbertModel'], hidden_act: 'gelu_new', embedding_size: embedding, ...bertKeys(sizes) },
    tensors: [
      ['embeddings.word_embeddings.weight', vocab, embedding],
      ['embeddings.position_embeddings.weight', positions, embedding],
      ['embeddings.token_type_embeddings.weight', 2, embedding],
      ...norm('embeddings.LayerNorm', embedding),
      ...linear('encoder.embedding_hidden_mapping_in', hidden, embedding),
      ...['query', 'key', 'value', 'dense'].flatMap(name => linear(`${at}.attention.${name}`, hidden, hidden)),
      ...norm(`${at}.attention.LayerNorm`, hidden),
      ...linear(`${at}.ffn`, inner, hidden),
      ...linear(`${at}.ffn_output`, hidden, inner),
      ...norm(`${at}.full_layer_layer_norm`, hidden),
      ...linear('pooler', hidden, hidden),
    ],
  }
}

/** Conv1D stores [in, out]. */
const conv1d = (name: string, inner: number, out: number): TensorShape[] => [
  [`${name}.weight`, inner, out],
  [`${name}.bias`, out],
]

const gpt2 = ({ layers, hidden, heads, inner, vocab, positions }: Sizes): Architecture => ({
  config: {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    vocab_size: vocab,
    n_positions: positions,
    n_embd: hidden,
    n_layer: layers,
    n_head: heads,
    eos_token_id: vocab - 1,
    bos_token_id: vocab - 1,
  },
  tensors: [
    ['wte.weight', vocab, hidden],
    ['wpe.weight', positions, hidden],
    ...repeat(layers, i => [
      ...norm(`h.${i}.ln_1`, hidden),
      ...conv1d(`h.${i}.attn.c_attn`, hidden, 3 * hidden),
      ...conv1d(`h.${i}.attn.c_proj`, hidden, hidden),
      ...norm(`h.${i}.ln_2`, hidden),
      ...conv1d(`h.${i}.mlp.c_fc`, hidden, inner),
      ...conv1d(`h.${i}.mlp.c_proj`, inner, hidden),
    ]),
    ...norm('ln_f', hidden),
  ],
})

interface RetroSizes {
  readonly width: number
  readonly encoderDepth: number
  readonly decoderDepth: number
  /** Every so many layers of the decoder sees neighbours. */
  readonly crossedEvery: number
  readonly head: number
  readonly vocab: number
  readonly positions: number
  readonly chunk: number
}

/** RETRO as RETRO-pytorch writes it: heads have 8 times `head` channels together, feed-forward layers four times the width. */
const retro = ({ width, encoderDepth, decoderDepth, crossedEvery, head, vocab, positions, chunk }: RetroSizes): Architecture => {
  const heads = 8 * head
  const attention = (at: string): TensorShape[] => [
    ...['to_q', 'to_k', 'to_v'].map((name): TensorShape => [`${at}.${name}.weight`, heads, width]),
    ...linear(`${at}.to_out`, width, heads),
  ]
  const gamma = (name: string): TensorShape => [`${name}.gamma`, width]
  const feedForward = (at: string): TensorShape[] => [
    ...linear(`${at}.fn.ff.0`, 4 * width, width),
    ...linear(`${at}.fn.ff.3`, width, 4 * width),
    gamma(`${at}.norm`),
  ]
  const nulls = (at: string): TensorShape[] => [
    [`${at}.null_k`, heads],
    [`${at}.null_v`, heads],
  ]
  const crossed = (layer: number): boolean => (layer + 1) % crossedEvery === 0
  return {
    config: { model_type: 'retro', architectures: ['RETRO'], chunk_size: chunk },
    tensors: [
      ['token_emb.weight', vocab, width],
      ['pos_emb.weight', positions, width],
      ...repeat(encoderDepth, i => {
        const at = `encoder.layers.${i}`
        return [...[0, 1].flatMap(part => [...attention(`${at}.${part}.fn`), gamma(`${at}.${part}.norm`)]), ...feedForward(`${at}.2`)]
      }),
      ['encoder.rotary_pos_emb.inv_freq', Math.min(head, 32) / 2],
      gamma('encoder.norm_out'),
      ...linear('encoder.project_out', width, width),
      ...repeat(decoderDepth, i => {
        const at = `decoder.layers.${i}`
        const cross = `${at}.1.fn.cross_attn`
        return [
          ...attention(`${at}.0.fn`),
          gamma(`${at}.0.norm`),
          ...(crossed(i) ? [...nulls(cross), ...attention(cross), gamma(`${at}.1.norm`)] : []),
          ...feedForward(`${at}.2`),
        ]
      }),
      ['decoder.rotary_pos_emb.inv_freq', Math.min(head, 32) / 2],
      gamma('decoder.norm_out'),
      ...linear('to_logits', vocab, width),
    ],
  }
}

const retroSizes = { width: 896, encoderDepth: 2, crossedEvery: 3, head: 64, vocab: 28996, positions: 2048, chunk: 64 } as const

/** Published sizes. The weights are random: what is measured does not depend on them. */
export const architectures: Readonly<Record<string, Architecture>> = {
  'bert-base': bert({ layers: 12, hidden: 768, heads: 12, inner: 3072, vocab: 30522, positions: 512 }),
  'bert-large': bert({ layers: 24, hidden: 1024, heads: 16, inner: 4096, vocab: 30522, positions: 512 }),
  'roberta-base': roberta({ layers: 12, hidden: 768, heads: 12, inner: 3072, vocab: 50265, positions: 514 }),
  'distilbert-base': distilbert({ layers: 6, hidden: 768, heads: 12, inner: 3072, vocab: 30522, positions: 512 }),
  'albert-xxlarge-v2': albert({ layers: 12, hidden: 4096, heads: 64, inner: 16384, vocab: 30000, positions: 512 }, 128),
  gpt2: gpt2({ layers: 12, hidden: 768, heads: 12, inner: 3072, vocab: 50257, positions: 1024 }),
  'gpt2-xl': gpt2({ layers: 48, hidden: 1600, heads: 25, inner: 6400, vocab: 50257, positions: 1024 }),
  // The example of RETRO-pytorch's README, and one twice as deep.
  'retro-12': retro({ ...retroSizes, decoderDepth: 12 }),
  'retro-24': retro({ ...retroSizes, decoderDepth: 24 }),
}
