import { type Method, methodsIn, ownerOf } from './methods-in.ts'

/** A few lines that show how an app uses what a file declares. `texts`: whether they need a tokenizer. */
export function usageCode(main: readonly string[], name: string): { readonly code: string[]; readonly texts: boolean } | undefined {
  const owner = ownerOf(main)
  if (owner === undefined) return undefined
  const variable = `${owner.charAt(0).toLowerCase()}${owner.slice(1)}`
  const type = `${name}.${owner}`
  const shown = shownCalls({ variable, type, methods: methodsIn(main) })
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
  const call = (method: Method, content: string) => `try ${variable}.${method.name}(${passed(method, content).join(', ')})`
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
const passed = ({ parameters }: Method, content: string): string[] =>
  parameters.flatMap(({ label, name, rest }) => {
    const labelled = (value: string) => (label === '_' ? value : `${label}: ${value}`)
    if (name === 'text') return [...(rest === '' ? [labelled(`"${content}"`)] : []), 'by: tokenizer']
    return rest === '' ? [labelled(name)] : []
  })
