import { allocate, denseConstant, type Graph, type Tensors } from '../src/index.ts'
import { parseGraph } from './parse-graph.ts'

/** `(x: fp32[2] = 1 2; s: fp32[2]) relu(x=%x)` as a graph and the elements of its inputs. */
export function readUse(use: string): { graph: Graph; given: Record<string, readonly number[]> } {
  const [, border, op] = /^\((.*?)\) (.+)$/.exec(use) as unknown as [string, string, string]
  const given: Record<string, readonly number[]> = {}
  const declare = (text: string | undefined): string[] =>
    (text ?? '')
      .split(/,(?![^[]*\])/)
      .filter(part => part.trim() !== '')
      .map(part => {
        const [type, elements] = part.trim().split(' = ') as [string, string?]
        if (elements) given[type.slice(0, type.indexOf(':'))] = elements.split(' ').map(Number)
        return `%${type}`
      })
  const [inputs, states] = border.split(';').map(declare) as [string[], string[]?]
  const results = op.startsWith('write_state') ? '' : '%r, %more = '
  const graph = parseGraph(`
    graph main(${inputs.join(', ')})
      ${(states ?? []).map(state => `state ${state}`).join('\n')}
      ${results}${op}
      return ${results ? 'r=%r' : 'y=%x'}`)
  return { graph, given }
}

/** Its inputs and states. */
export function tensorsOf(graph: Graph, given: Record<string, readonly number[]>): Tensors {
  return Object.fromEntries(
    [...graph.inputs, ...graph.states].map(({ name, type }) => {
      const elements = given[name] ?? []
      const data = allocate(
        type.dtype,
        type.shape.reduce((a, b) => a * b, 1),
      )
      for (const [i, x] of elements.entries()) data[i] = x
      return [name, denseConstant(type.dtype, type.shape, data)]
    }),
  )
}
