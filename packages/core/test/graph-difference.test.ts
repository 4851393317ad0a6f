import { describe, expect, it } from 'vitest'
import { Builder, type Constant, computedConstant, denseConstant, type Graph, graphDifference } from '../src/index.ts'

const weight = (id: string, element: (index: number) => number = index => index / 7): Constant =>
  computedConstant('fp16', [300, 300], id, element)

interface Change {
  readonly prefix?: string
  readonly constant?: Constant
  readonly epsilon?: number
  readonly axes?: readonly number[]
  readonly kind?: 'relu' | 'tanh'
  readonly swapped?: boolean
  readonly through?: boolean
  readonly more?: boolean
  readonly input?: readonly number[]
  readonly output?: string
}

/** norm(x·W), a difference and an activation, so that kinds, attributes, constants and the order of operands all occur. */
function graph(change: Change = {}): Graph {
  const { prefix = '', epsilon = 1e-5, axes = [1], kind = 'relu', input = [2, 300], output = 'y' } = change
  const b = new Builder(`${prefix}main`)
  const x = b.input('x', 'fp16', input)
  const name = (what: string) => `${prefix}${what}`
  const product = b.in(name('product'), () => b.linear({ x, weight: b.constant(change.constant ?? weight('w')) }))
  const normal = b.in(name('norm'), () => b.layer_norm({ x: change.through ? b.identity({ x: product }) : product, axes, epsilon }))
  const difference = b.in(name('rest'), () => (change.swapped ? b.sub({ x: product, y: normal }) : b.sub({ x: normal, y: product })))
  const result = kind === 'relu' ? b.relu({ x: difference }) : b.tanh({ x: difference })
  return b.finish({ [output]: change.more ? b.square({ x: result }) : result })
}

describe('graphDifference', () => {
  it.each<[string, Change]>([
    ['nothing changed', {}],
    ['other names inside', { prefix: 'other_' }],
    ['an identity, which files need', { through: true }],
    ['the same elements under another id', { constant: weight('elsewhere') }],
    ['a number as fp16 holds it', { epsilon: Math.f16round(1e-5) }],
  ])('finds none: %s', (_, change) => {
    expect(graphDifference(graph(), graph(change))).toBeUndefined()
    expect(graphDifference(graph(change), graph())).toBeUndefined()
  })

  it.each<[string, Change, string]>([
    ['another kind', { kind: 'tanh' }, 'is tanh'],
    ['another attribute', { epsilon: 2e-5 }, 'has epsilon 0.00002 instead of 0.00001'],
    ['another list', { axes: [0, 1] }, 'has axes 0,1 instead of 1'],
    ['operands that changed places', { swapped: true }, 'takes another x'],
    ['one element of a constant', { constant: weight('w2', i => (i === 89_999 ? 0 : i / 7)) }, 'takes another weight'],
    ['an op more', { more: true }, 'it has 5 ops instead of 4'],
    ['another input', { input: [3, 300] }, 'its inputs are x: fp16[3, 300] instead of x: fp16[2, 300]'],
    ['another output', { output: 'z' }, 'its outputs are z instead of y'],
  ])('names it: %s', (_, change, problem) => {
    expect(graphDifference(graph(), graph(change))).toContain(problem)
  })

  it('names an op that is missing, and an output that is another value', () => {
    expect(graphDifference(graph({ more: true }), graph())).toMatch(/^op 4, square ".*", is missing$/)
    const two = (output: 'first' | 'second') => {
      const b = new Builder('main')
      const first = b.relu({ x: b.input('x', 'fp16', [4]) })
      const second = b.relu({ x: first })
      return b.finish({ y: output === 'first' ? first : second, both: b.add({ x: first, y: second }) })
    }
    expect(graphDifference(two('first'), two('second'))).toBe('the output "y" is another value')
  })

  it('reads a pair of constants once, and none of one id', () => {
    let reads = 0
    const counted = (id: string): Constant => {
      const base = denseConstant('fp16', [300, 300], new Float16Array(90_000))
      return {
        ...base,
        id,
        read: (...range) => {
          reads++
          return base.read(...range)
        },
      }
    }
    const known = new Set<string>()
    const [a, b] = [graph({ constant: counted('a') }), graph({ constant: counted('b') })]
    expect(graphDifference(a, b, known)).toBeUndefined()
    const once = reads
    expect(once).toBeGreaterThan(0)
    expect(graphDifference(a, b, known)).toBeUndefined()
    expect(graphDifference(a, graph({ constant: counted('a') }))).toBeUndefined()
    expect(reads).toBe(once)
  })
})
