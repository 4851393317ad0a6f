/**
 * Whether a file is of an adapter: matrices that are added to the weights of a base model, and their settings, as peft and
 * diffusers name them. They are no model's weights, whether those lie beside them or not.
 */
export const isAdapter = (file: string): boolean => /^(?:adapter_(?:model|config)(?:[._-]\w+)*|pytorch_lora_weights)\.\w+$/.test(file)
