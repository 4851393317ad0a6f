import { type Method, passed } from './method.ts'
import type { Owner } from './owner.ts'

/** A few lines that show how an app uses what a file declares. `texts`: whether they need a tokenizer. */
export function usageCode(owner: Owner, name: string): { readonly code: string[]; readonly texts: boolean } {
  const variable = `${owner.name.charAt(0).toLowerCase()}${owner.name.slice(1)}`
  const type = `${name}.${owner.name}`
  const shown = shownCalls({ variable, type, methods: owner.methods })
  const texts = shown.some(line => line.includes('tokenizer'))
  const opened = texts ? [`let tokenizer = try await ${type}.tokenizer(in: folder)`] : []
  return { code: [`let ${variable} = try ${type}()`, ...opened, ...shown], texts }
}

interface Shown {
  readonly variable: string
  readonly type: string
  readonly methods: readonly Method[]
}

function shownCalls({ variable, type, methods }: Shown): string[] {
  const has = (name: string) => methods.find(method => method.name === name)
  const call = (method: Method, content: string) => `try ${variable}.${method.name}(${handed(method, content).join(', ')})`
  const [segment, act, generate, embed] = [has('segment'), has('act'), has('generate'), has('embed')]
  if (segment) {
    const box = segment.parameters.some(({ name }) => name === 'box') ? ', box: CGRect(x: 10, y: 10, width: 80, height: 60)' : ''
    return [`let read = try ${variable}.read(picture)`, `let mask = try ${variable}.segment(read, points: [.init(x: 40, y: 30)]${box})`]
  }
  if (act) return [`var episode = ${type}.Episode(targetReturn: 3600)`, `let action = try ${variable}.act(in: state, of: &episode)`]
  if (generate) {
    const greedy = call(generate, 'A text that it reads')
    return [`let text = ${greedy}`, `let another = ${greedy.slice(0, -1)}, choice: .sampled(temperature: 0.7), maxTokens: 100)`]
  }
  if (embed)
    return [
      `let bread = ${call(embed, 'How do I bake bread?')}`,
      `let dough = ${call(embed, 'Mix flour, water, salt and yeast.')}`,
      `let alike = ${type}.similarity(bread, dough)`,
    ]
  const method = has('classify') ?? has('classifyTokens') ?? has('score') ?? has('read')
  return method ? [`let found = ${call(method, 'A text that it reads')}`] : []
}

/** What a call passes: a text with its tokenizer, a picture, and by its own name what else there must be. */
const handed = ({ parameters }: Method, content: string): string[] =>
  parameters.flatMap(parameter => {
    const optional = parameter.default !== undefined
    if (parameter.role === 'ids') return [...(optional ? [] : [passed(parameter, `"${content}"`)]), 'by: tokenizer']
    return optional ? [] : [passed(parameter, parameter.name)]
  })
