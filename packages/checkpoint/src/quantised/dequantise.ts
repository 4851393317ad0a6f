import { type Constant, sizeOf } from '@silane/core'
import { byPrefix } from '../by-prefix.ts'
import { errors } from '../errors.ts'
import type { WeightsFile } from '../weights-file.ts'
import type { Quantisation } from './quantisation.ts'
import { blocksOf, scaledTensor } from './scaled-tensor.ts'

/** Tensors that belong to weights which are no exact products, by the ends of their names, and whose they are. */
const PACKED: readonly (readonly [RegExp, string])[] = [
  [/\.quant_state\.bitsandbytes__\w+$|\.weight\.(?:absmax|quant_map|nested_absmax)$/, 'bitsandbytes, 4 bits'],
  [/\.(?:qweight|qzeros|g_idx)$/, 'GPTQ or AWQ'],
  [/\.weight_packed$/, 'compressed-tensors'],
  [/\.W_q$/, 'HQQ'],
  [/\.weight\._(?:data|scale|shift)$/, 'quanto'],
  [/(?:^|[._])weight_(?:qdata|zero_point)$|\.weight\.tensor_impl\b/, 'torchao'],
  [/_blocks$/, 'mxfp4'],
]

/** The axes of a block where the configuration names none, as DeepSeek's and transformers' formats have it. */
const BLOCK = [128, 128]

/** What else fp8 has a scale for: the activations, and their largest magnitude. */
const RANGES = ['input_scale', 'input_scale_ub', 'activation_scale', 'activation_scale_ub']

/** Names in a message. */
const MAX_LISTED = 6

const isFloat = (dtype: string): boolean => ['fp64', 'fp32', 'fp16', 'bf16', 'fp8_e4m3', 'fp8_e5m2'].includes(dtype)

/** The weights with what is quantised as a product given as that product, and sentences that say so. */
export interface Dequantised {
  readonly weights: WeightsFile
  readonly notes: readonly string[]
}

/**
 * Gives the weights of 8 bits that are whole products as fp32: bitsandbytes' int8 with a scale for each row (weight · SCB / 127), and
 * fp8 with scales for the tensor, its rows or its blocks. The tensors tell which weights are quantised; modules that were left out
 * (`llm_int8_skip_modules`) are floats. Throws E_TENSOR_DTYPE for every other form. `file` is where the tensors are, for messages.
 */
export function dequantise(weights: WeightsFile, quantised: Quantisation | undefined, at: { file: string; where: string }): Dequantised {
  const method = quantised?.method
  const refuse = (tensor: string, detail: string, packer?: string): Error =>
    errors.E_TENSOR_DTYPE({ ...at, tensor, dtype: weights.stored(tensor)?.dtype ?? 'unknown', method, packer, detail })
  const products = new Map<string, () => Constant>()
  const hidden = new Set<string>()
  const given = blockSize(quantised)
  const constant = (name: string): Constant => weights.tensor(name) as Constant
  // By what stands before the last `scale`: a module's own are those with a scale in the rest of their name, behind the module's.
  const scalesIn = byPrefix(
    weights.names.filter(name => name.includes('scale')),
    name => name.slice(0, name.lastIndexOf('scale')),
  )
  let rounded = 0
  for (const name of weights.names) {
    const [, packer] = PACKED.find(([end]) => end.test(name)) ?? []
    const { dtype, shape } = weights.stored(name) ?? { dtype: '', shape: [] }
    if (packer !== undefined && !isFloat(dtype)) throw refuse(name, 'packed weights', packer)
    const module = name.slice(0, name.lastIndexOf('.') + 1)
    if (dtype === 'int8' && weights.stored(`${module}SCB`) && name === `${module}weight`) {
      const scales = `${module}SCB`
      const format = weights.stored(`${module}weight_format`)
      if (format && (sizeOf(format.shape) !== 1 || Number(constant(`${module}weight_format`).read(0, 1)[0]) !== 0)) {
        throw refuse(name, `${module}weight_format is not 0: the rows are not in their order`)
      }
      const length = weights.stored(scales)?.shape ?? []
      if (shape.length !== 2 || sizeOf(length) !== shape[0]) throw refuse(name, `${scales} is [${length}] for [${shape}]`)
      products.set(name, () => scaledTensor(constant(name), constant(scales), [1, shape[1] as number], 1 / 127))
      hidden.add(scales).add(`${module}weight_format`)
    } else if (dtype === 'fp8_e4m3' || dtype === 'fp8_e5m2') {
      const scales = [`${name}_scale_inv`, `${name}_scale`].find(candidate => weights.stored(candidate))
      if (scales === undefined) {
        const others = scalesIn(module, MAX_LISTED).filter(other => other !== name)
        // Without scales anywhere the elements are the numbers themselves.
        if (method === undefined && others.length === 0) continue
        throw refuse(name, others.length > 0 ? `with ${others.join(', ')}` : 'without scales')
      }
      const found = weights.stored(scales)?.shape ?? []
      const blocks = blocksOf(shape, found, given)
      if (!blocks) throw refuse(name, `${scales} is [${found}] for [${shape}], in blocks of [${given}]`)
      products.set(name, () => scaledTensor(constant(name), constant(scales), blocks))
      hidden.add(scales)
      // The range of the activations, which are not rounded here.
      for (const range of RANGES) if (weights.stored(module + range)) hidden.add(module + range)
    } else if (/(?:^|\.)weight$/.test(name) && !isFloat(dtype)) {
      throw refuse(name, 'a weight must have floats')
    } else continue
    rounded++
  }
  if (rounded === 0) {
    return {
      weights,
      notes:
        method === undefined
          ? []
          : [`config.json: quantization_config says ${method}, but no weight is quantised; they are taken as they are`],
    }
  }
  const made = new Map<string, Constant>()
  return {
    weights: {
      ...weights,
      names: weights.names.filter(name => !hidden.has(name)),
      tensor: name => {
        if (hidden.has(name)) return undefined
        const product = made.get(name) ?? products.get(name)?.()
        if (!product) return weights.tensor(name)
        made.set(name, product)
        return product
      },
      stored: name => (hidden.has(name) ? undefined : weights.stored(name)),
    },
    notes: [
      `${at.file}: ${rounded === 1 ? 'one weight' : `${rounded} weights`} of 8 bits taken times the scales beside them, exactly; where the original rounds activations to 8 bits too, that is not done`,
    ],
  }
}

function blockSize(quantised: Quantisation | undefined): readonly number[] {
  const said = quantised?.settings.weight_block_size
  if (!Array.isArray(said)) return BLOCK
  const numbers = said.filter(size => typeof size === 'number' && Number.isSafeInteger(size) && size > 0)
  return numbers.length === said.length ? (numbers as number[]) : []
}
