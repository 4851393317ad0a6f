import type { Constant } from '../constant.ts'
import type { Attribute, Graph, Op, Program, TensorType, Value } from './graph.ts'

/** `fp16[1, 768, 1, 128]` */
export const printType = (type: TensorType): string => `${type.dtype}[${type.shape.join(', ')}]`

/**
 * The text form of a graph, one op per line, the same on every run; with `origins`, what made each op:
 *
 *     graph main(%input_ids: int32[1, 24])
 *       %word = gather(x=%table, indices=%input_ids, axis=0) : fp32[1, 24, 48]  # embeddings.word_embeddings
 *       return last_hidden_state=%word
 */
export function printGraph(graph: Graph, options: { readonly origins?: boolean } = {}): string {
  const lines = [`graph ${graph.name}(${graph.inputs.map(printParameter).join(', ')})`]
  for (const state of graph.states) lines.push(`  state ${printParameter(state)}`)
  for (const op of graph.ops) {
    const operands = Object.entries(op.operands).map(([name, value]) => `${name}=${printOperand(value)}`)
    const attributes = Object.entries(op.attributes).map(([name, value]) => `${name}=${printAttribute(value)}`)
    const results = op.outputs.map(output => `%${output.name}`).join(', ')
    const types = op.outputs.map(output => printType(output.type)).join(', ')
    const origin = options.origins ? printOrigin(op) : ''
    lines.push(
      `  ${results && `${results} = `}${op.exact ? 'exact ' : ''}${op.kind}(${[...operands, ...attributes].join(', ')})${types && ` : ${types}`}${origin}`,
    )
  }
  lines.push(`  return ${graph.outputs.map(output => `${output.name}=%${output.value.name}`).join(', ')}`)
  return lines.join('\n')
}

/** The module of the checkpoint and the rules that made the op, oldest first. */
function printOrigin({ origin: { module, rules } }: Op): string {
  const parts = [...(module ? [module] : []), ...(rules.length > 0 ? [`[${rules.join(', ')}]`] : [])]
  return parts.length > 0 ? `  # ${parts.join(' ')}` : ''
}

export const printProgram = (program: Program): string =>
  [`program ${program.name}`, ...program.functions.map(graph => printGraph(graph))].join('\n')

const printParameter = (value: Value): string => `%${value.name}: ${printType(value.type)}`

const printOperand = (value: Value | readonly Value[]): string =>
  Array.isArray(value) ? `[${value.map((v: Value) => `%${v.name}`).join(', ')}]` : `%${(value as Value).name}`

function printAttribute(value: Attribute): string {
  if (typeof value !== 'object') return typeof value === 'string' ? `"${value}"` : String(value)
  if (Array.isArray(value)) return `[${value.join(', ')}]`
  const constant = value as Constant
  return `<${constant.id}>`
}
