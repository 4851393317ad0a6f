/** The matrices of LoRA as peft calls them, and what a tensor's name says. */
export type Factor = 'A' | 'B' | 'embeddingA' | 'embeddingB' | 'magnitude' | 'bias'

export type AdapterName =
  /** One of the matrices of a module. */
  | { readonly kind: 'factor'; readonly module: string; readonly factor: Factor; readonly adapter: string }
  /** A tensor that the adapter has a copy of, which takes the place of the model's (`modules_to_save`). */
  | { readonly kind: 'saved'; readonly name: string; readonly adapter: string }
  /** The one whose place is taken. */
  | { readonly kind: 'original'; readonly name: string }
  /** What changes the model in a way that is not read; `what` is for messages. */
  | { readonly kind: 'foreign'; readonly what: string }
  /** A tensor of the model under its own name. */
  | { readonly kind: 'plain'; readonly name: string }

/** What other methods call their tensors. None of these parts occurs in the name of a model's own tensor. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\.)ia3_l\b/, 'IA3'],
  [/(?:^|\.)lora_E\b/, 'AdaLoRA'],
  [/(?:^|\.)hada_[wt]\d/, 'LoHa'],
  [/(?:^|\.)lokr_[wt]\d/, 'LoKr'],
  [/(?:^|\.)(?:oft_[rR]|boft_[RsS])\b/, 'OFT'],
  [/(?:^|\.)(?:vera_lambda_[bd]|vblora_|randlora_|fourierft_|hra_u|shira_|bone_|miss_)/, 'another low-rank method'],
  [/(?:^|\.)(?:trainable_tokens_|token_adapter\b)/, 'trainable tokens'],
  [/(?:^|\.)(?:prompt_embeddings|prefix_tunings?|adaption_prompt|adaption_gate)\b/, 'prompt tuning'],
  // Models of segmentation have an encoder of prompts too.
  [/^prompt_encoder\.[^.]+\.(?:embedding\.weight$|transform\.|mlp_head\.|lstm_head\.)/, 'prompt tuning'],
  [/(?:^|\.)adapter_(?:down|up)\b/, 'an adapter layer'],
  [/(?:^|\.)loras\./, 'LoRA of the package adapters'],
]

const FACTORS: Readonly<Record<string, Factor>> = {
  lora_A: 'A',
  lora_B: 'B',
  lora_embedding_A: 'embeddingA',
  lora_embedding_B: 'embeddingB',
  lora_magnitude_vector: 'magnitude',
}

/** What a tensor's name says, among the weights or in a file beside them; wrappers of peft are taken off. Names without an adapter's (`lora_A.weight`) belong to the adapter ''. */
export function adapterName(stored: string, isBeside: boolean): AdapterName {
  const name = stored.replace(/^(?:module\.)?base_model\.model\./, '')
  const foreign = FOREIGN.find(([pattern]) => pattern.test(name))
  if (foreign) return { kind: 'foreign', what: foreign[1] }
  const parts = name.split('.')
  const at = parts.findIndex(part => /^lora_/.test(part))
  if (at >= 0) {
    const part = parts[at] as string
    const factor = Object.hasOwn(FACTORS, part) ? FACTORS[part] : undefined
    const rest = parts.slice(at + 1)
    const end = rest.at(-1)
    const isWeight = end === 'weight'
    const isBias = end === 'bias'
    const adapter = (isWeight || isBias ? rest.slice(0, -1) : rest).join('.')
    // A and B are layers with a weight; matrices of embeddings and magnitudes are parameters.
    const bare = factor !== 'A' && factor !== 'B'
    if (at === 0 || factor === undefined || (!isWeight && !isBias && !bare) || (isBias && factor !== 'B'))
      return { kind: 'foreign', what: `LoRA in a form that is not peft's` }
    return { kind: 'factor', module: parts.slice(0, at).join('.'), factor: isBias ? 'bias' : factor, adapter }
  }
  const saved = /^(.+)\.modules_to_save\.(.+)$/s.exec(name)
  if (saved) {
    const [, module, rest = ''] = saved
    // In an adapter's own file its name is taken out of those of its tensors.
    const [adapter = '', ...inner] = isBeside ? ['', ...rest.replace(/^default\./, '').split('.')] : rest.split('.')
    return inner.length > 0
      ? { kind: 'saved', name: [module, ...inner].join('.'), adapter }
      : { kind: 'foreign', what: 'modules_to_save without a name' }
  }
  const original = /^(.+)\.original_module\.(.+)$/s.exec(name)
  if (original) return { kind: 'original', name: `${original[1]}.${original[2]}` }
  return { kind: 'plain', name: name.replace(/\.base_layer(?=\.[^.]+$)/, '') }
}
