/**
 * Whether a file is of an adapter: what is added to the weights of a base model, and its settings, as peft, diffusers and adapters
 * name them. They are no model's weights, whether those lie beside them or not.
 */
export const isAdapter = (file: string): boolean =>
  /^(?:adapter_(?:model|config)(?:[._-][\w.-]*)?|pytorch_lora_weights|pytorch_(?:adapter|model_head|adapter_fusion))\.\w+$/.test(file)

/** The file with peft's adapter, if there is one: peft takes safetensors before a pickle. */
export const adapterFile = (files: readonly string[]): string | undefined =>
  ['adapter_model.safetensors', 'adapter_model.bin'].find(file => files.includes(file))
