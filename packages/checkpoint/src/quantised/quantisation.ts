import { isJsonObject, type Json } from '@silane/core'
import { errors } from '../errors.ts'

/** What config.json says of how the weights are quantised. */
export interface Quantisation {
  /** transformers' `quant_method`, or what else tells it. */
  readonly method: string
  readonly settings: { readonly [key: string]: Json }
}

/** The methods of which some forms are exact products, whose tensors decide: see `dequantise`. */
const PRODUCTS = ['bitsandbytes', 'fp8', 'fbgemm_fp8']

/** `quantization_config`, of the model or of one of those that it consists of; undefined where nothing is quantised. */
export function quantisation(config: { readonly [key: string]: Json }): Quantisation | undefined {
  const inner = Object.values(config).filter(isJsonObject)
  const found = [config, ...inner].flatMap(section => [section.quantization_config, section.compression_config]).find(isJsonObject)
  if (!found) return undefined
  const { quant_method: named, load_in_4bit: four, load_in_8bit: eight } = found
  const method = typeof named === 'string' ? named : four === true || eight === true ? 'bitsandbytes' : 'unknown'
  return { method, settings: found }
}

/** Throws E_TENSOR_DTYPE for what is no exact product, before a tensor is looked at: whatever else is wrong follows from it. */
export function refuseQuantisation({ method, settings }: Quantisation, where: string): void {
  const { load_in_4bit: four, bnb_4bit_quant_type: kind } = settings
  if (!PRODUCTS.includes(method)) throw errors.E_TENSOR_DTYPE({ method, where })
  if (method === 'bitsandbytes' && four === true) {
    throw errors.E_TENSOR_DTYPE({ method, detail: `4 bits, ${typeof kind === 'string' ? kind : 'fp4'}`, where })
  }
}
