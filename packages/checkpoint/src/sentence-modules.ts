import type { Checkpoint, Json, SentenceModule } from '@silane/core'

type JsonObject = { readonly [key: string]: Json }

/** What modules.json lists after the transformer; undefined where there is no such file. The folder of a module is opened only where it has settings. */
export function sentenceModules({ json, folder }: Pick<Checkpoint, 'json' | 'folder'>): readonly SentenceModule[] | undefined {
  const listed = json('modules.json')
  if (listed === undefined) return undefined
  const entries = Array.isArray(listed) ? (listed as readonly JsonObject[]) : []
  return entries.flatMap(entry => {
    const name = String(entry.type).split('.').at(-1) ?? ''
    const path = String(entry.path ?? '')
    return name === 'Transformer' || name === 'Dropout' ? [] : [sentenceModule(name, path, () => folder(path))]
  })
}

function sentenceModule(name: string, path: string, open: () => Checkpoint): SentenceModule {
  switch (name) {
    case 'Pooling':
      return { type: name, path, modes: poolingModes(open().config) }
    case 'Dense': {
      const tensors = open()
      const { out_features, activation_function = 'torch.nn.modules.activation.Tanh' } = tensors.config
      const activation = String(activation_function).split('.').at(-1) ?? ''
      return { type: name, path, width: Number(out_features), activation, tensors }
    }
    case 'Normalize':
      return { type: name, path }
    default:
      return { type: 'other', name, path }
  }
}

/** Flags of 1_Pooling/config.json in the order in which several are concatenated, and the newer one-word names. */
const flags = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
} as const

function poolingModes(config: JsonObject): readonly string[] {
  const named = config.pooling_mode
  if (typeof named === 'string') return [named]
  if (Array.isArray(named) && named.length > 0) return named.map(String)
  const set = Object.entries(flags).filter(([flag]) => config[flag] === true)
  return set.length > 0 ? set.map(([, mode]) => mode) : ['mean']
}
