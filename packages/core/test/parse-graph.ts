import {
  allocate,
  Builder,
  type Constant,
  type DType,
  denseConstant,
  type Graph,
  isFloat,
  printType,
  scalarConstant,
  sizeOf,
  type TensorType,
  type Value,
} from '../src/index.ts'
import { seedOf, uniform } from './random.ts'

type Argument = Value | readonly Value[] | number | boolean | string | readonly number[] | readonly boolean[] | Constant

/**
 * Reads the text form that `printGraph` writes, so that tests of rewrites are text. Types are inferred; where the text
 * states them they are compared. Constants are `const(val=<name>) : fp32[2, 3]`, with elements that depend on the name
 * alone, `<1 0 2>` for elements given one by one, or `<scalar:fp32:0.5>`.
 */
export function parseGraph(text: string): Graph {
  const lines = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const [, name, parameters] = matched(/^graph (\w+)\((.*)\)$/, lines[0])
  const b = new Builder(name)
  const values = new Map<string, Value>()
  const define = (text: string, make: 'input' | 'state') => {
    const [, id, type] = matched(/^%(\w+): (.+)$/, text)
    const { dtype, shape } = parseType(type)
    values.set(id, b[make](id, dtype, shape))
  }
  const use = (id: string): Value => {
    const value = values.get(id.slice(1))
    if (!value) throw new Error(`${id} is not defined`)
    return value
  }
  for (const parameter of pieces(parameters)) define(parameter, 'input')
  for (const line of lines.slice(1)) {
    if (line.startsWith('state ')) define(line.slice('state '.length), 'state')
    else if (line.startsWith('return ')) {
      const outputs = pieces(line.slice('return '.length)).map(output => output.split('=') as [string, string])
      return b.finish(Object.fromEntries(outputs.map(([output, id]) => [output, use(id)])))
    } else {
      const [code, module = ''] = line.split('  # ') as [string, string?]
      const [, results = '', exact, kind, body, types = ''] = matched(/^(?:(%.+?) = )?(exact )?(\w+)\((.*)\)(?: : (.+))?$/, code)
      const declared = pieces(types).map(parseType)
      const args = Object.fromEntries(
        pieces(body).map(argument => {
          const at = argument.indexOf('=')
          return [argument.slice(0, at), parseArgument(argument.slice(at + 1), use, declared[0])]
        }),
      )
      const names = pieces(results).map(result => result.slice(1))
      const made = b.from({ origin: { module, rules: [] }, ...(exact ? { exact: true } : {}) }, names, () => b.emit(kind, args))
      if (types && made.map(value => printType(value.type)).join(', ') !== declared.map(printType).join(', '))
        throw new Error(`${line}: the types are ${made.map(value => printType(value.type)).join(', ')}`)
      for (const [i, id] of names.entries()) values.set(id, made[i]!)
    }
  }
  throw new Error('no return')
}

function parseArgument(text: string, use: (id: string) => Value, type: TensorType | undefined): Argument {
  if (text.startsWith('%')) return use(text)
  if (text.startsWith('<')) return parseConstant(text.slice(1, -1), type)
  if (text.startsWith('[')) return pieces(text.slice(1, -1)).map(part => parseArgument(part, use, type)) as never
  if (text.startsWith('"')) return text.slice(1, -1)
  return text === 'true' || text === 'false' ? text === 'true' : Number(text)
}

function parseConstant(id: string, type: TensorType | undefined): Constant {
  const scalar = /^scalar:(\w+):(.+)$/.exec(id)
  if (scalar) return scalarConstant(scalar[1] as DType, Number(scalar[2]))
  if (!type) throw new Error(`the constant <${id}> has no type`)
  const { dtype, shape } = type
  const listed = /^[-\d. ]+$/.test(id) ? id.split(' ').map(Number) : undefined
  const numbers = listed ?? uniform(sizeOf(shape), seedOf(id)).map(x => (isFloat(dtype) ? x : Math.round(Math.abs(x))))
  const data = allocate(dtype, sizeOf(shape))
  for (const [i, x] of numbers.entries()) data[i] = x
  return { ...denseConstant(dtype, shape, data), id }
}

function parseType(text: string): TensorType {
  const [, dtype, dims] = matched(/^(\w+)\[(.*)\]$/, text)
  return { dtype: dtype as DType, shape: pieces(dims).map(Number) }
}

/** Splits at commas that no bracket or quote encloses. */
function pieces(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quoted = false
  let from = 0
  for (let i = 0; i <= text.length; i++) {
    const c = text[i]
    if (c === '"') quoted = !quoted
    else if (c !== undefined && !quoted && '[(<'.includes(c)) depth++
    else if (c !== undefined && !quoted && '])>'.includes(c)) depth--
    else if (c === undefined || (c === ',' && depth === 0 && !quoted)) {
      parts.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  return parts.filter(part => part !== '')
}

function matched(pattern: RegExp, text: string | undefined): [string, string, string, string, string, string] {
  const match = pattern.exec(text ?? '')
  if (!match) throw new Error(`cannot read "${text}"`)
  return match as unknown as [string, string, string, string, string, string]
}
