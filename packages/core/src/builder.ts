import { type Constant, scalarConstant } from './constant.ts'
import type { DType } from './dtype.ts'
import { errors } from './errors.ts'
import {
  type Attribute,
  type Graph,
  type GraphOutput,
  type Op,
  type Origin,
  operandsOf,
  operandTypes,
  type TensorType,
  type Value,
} from './graph/graph.ts'
import type { OutputPort, Port } from './graph/port.ts'
import { printType } from './graph/print.ts'
import type { OpDefinition } from './op-definition.ts'
import { type ArgumentsOf, definitionOf, type OpKind, type OpTable, ops, traitsOf } from './ops/ops.ts'
import type { Rule } from './rewrite/rule.ts'

type ResultOf<K extends OpKind> = OpTable[K] extends { infer: (...args: never[]) => infer R }
  ? R extends readonly unknown[]
    ? readonly Value[]
    : Value
  : never

/** One method per op, with its operands and attributes in one record: `b.softmax({ x, axis: 1 })`. */
type OpMethods = { readonly [K in OpKind]: (args: ArgumentsOf<K>) => ResultOf<K> }

type Arguments = Readonly<Record<string, Value | readonly Value[] | Attribute | undefined>>

/** An output: a value, and what is known of it. */
export type Output = Value | ({ readonly value: Value } & OutputPort)

export interface BuilderOptions {
  /** Tried on every op before it is added. */
  readonly rules?: readonly Rule[]
}

/** A rule that fires on its own output would never stop; real chains of rules are a handful deep. */
const MAX_DEPTH = 64

/** The deepest models in use come to 20,000; what asks for more than this is a configuration that lies, or an attack. */
const MAX_OPS = 200_000

export interface Builder extends OpMethods {}

/**
 * Makes a graph, an op at a time. Types are inferred on the spot, equal ops become one, rewrite rules are
 * tried before an op is added, and what no output needs is left out at the end.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see above.
export class Builder {
  readonly name: string
  /** How often each rule fired. */
  readonly hits: Record<string, number> = {}
  readonly #inputs: Value[] = []
  readonly #states: Value[] = []
  readonly #ops: Op[] = []
  readonly #names = new Set<string>()
  /** For each base of a name, the number to try next. */
  readonly #suffixes = new Map<string, number>()
  readonly #ids = new Map<Value, number>()
  readonly #known = new Map<string, readonly Value[]>()
  readonly #rules = new Map<string, Rule[]>()
  #origin: Origin = { module: '', rules: [] }
  #exact = false
  #hints: readonly string[] = []

  constructor(name: string, options: BuilderOptions = {}) {
    this.name = name
    for (const rule of options.rules ?? []) {
      for (const kind of [rule.on].flat()) this.#rules.set(kind, [...(this.#rules.get(kind) ?? []), rule])
    }
  }

  /** A graph input, under exactly this name. */
  input(name: string, dtype: DType, shape: readonly number[], port?: Port): Value {
    return this.#boundary(this.#inputs, name, { dtype, shape }, port)
  }

  /** A tensor that lives across calls, under exactly this name. */
  state(name: string, dtype: DType, shape: readonly number[], port?: Port): Value {
    return this.#boundary(this.#states, name, { dtype, shape }, port)
  }

  #boundary(list: Value[], name: string, type: TensorType, port: Port | undefined): Value {
    if (this.#names.has(name)) throw errors.E_GRAPH({ graph: this.name, problem: `two values are called "${name}"` })
    const value: Value = port ? { name, type, port } : { name, type }
    this.#names.add(name)
    this.#identify(value)
    list.push(value)
    return value
  }

  /** A constant tensor. */
  constant(val: Constant): Value {
    return this.emit('const', { val })[0] as Value
  }

  /** A rank-0 constant of the type of `like`. */
  scalar(value: number, like: Value): Value {
    return this.constant(scalarConstant(like.type.dtype, value))
  }

  /** Runs `body` with its ops ascribed to a module of the checkpoint, given by its full path. */
  in<T>(module: string, body: () => T): T {
    return this.#as({ ...this.#origin, module }, this.#exact, [], body)
  }

  /** Runs `body` with its ops in fp32 whatever the precision: an island. Its borders become casts when the graph goes to fp16. */
  exact<T>(body: () => T): T {
    return this.#as(this.#origin, true, [], body)
  }

  /** Runs `body` with its ops in place of `op`: ascribed to its origin, exact where it is. `hints` are names for the results of the next op. */
  from<T>(op: Pick<Op, 'origin' | 'exact'>, hints: readonly string[], body: () => T): T {
    return this.#as(op.origin, op.exact === true, hints, body)
  }

  #as<T>(origin: Origin, exact: boolean, hints: readonly string[], body: () => T): T {
    const saved = [this.#origin, this.#exact] as const
    this.#origin = origin
    this.#exact = exact
    this.#hints = hints
    try {
      return body()
    } finally {
      ;[this.#origin, this.#exact] = saved
      this.#hints = []
    }
  }

  /** Adds an op by kind: what the methods do, for kinds that are not known when the code is written. */
  emit(kind: string, args: Arguments): readonly Value[] {
    const hints = this.#hints
    this.#hints = []
    const definition = definitionOf(kind)
    if (!definition) throw errors.E_TYPE({ op: kind, problem: 'no op of this name' })
    // A constant is of no precision of its own: whoever uses it decides.
    const exact = this.#exact && kind !== 'const'
    const op: Op = { ...makeOp(kind, definition, args, this.#origin), ...(exact ? { exact } : {}) }
    return this.#rewritten(op) ?? this.#append(op, definition, hints)
  }

  #rewritten(op: Op): readonly Value[] | undefined {
    for (const rule of this.#rules.get(op.kind) ?? []) {
      if (this.#origin.rules.length > MAX_DEPTH) throw errors.E_RULE_LOOP({ rule: rule.name, op: op.kind })
      const origin = { module: this.#origin.module, rules: [...this.#origin.rules, rule.name] }
      const replaced = this.#as(origin, this.#exact, [], () => rule.rewrite(op, this))
      if (replaced === undefined) continue
      const values = [replaced].flat() as Value[]
      const types = (results: readonly Value[]) => results.map(value => printType(value.type)).join(', ')
      if (types(values) !== types(op.outputs)) {
        const problem = `rule "${rule.name}" gives ${types(values)} for a ${op.kind} of ${types(op.outputs)}`
        throw errors.E_GRAPH({ graph: this.name, problem })
      }
      this.hits[rule.name] = (this.hits[rule.name] ?? 0) + 1
      return values
    }
    return undefined
  }

  #append(op: Op, definition: OpDefinition, hints: readonly string[]): readonly Value[] {
    const key = definition.effect ? undefined : this.#key(op)
    const known = key === undefined ? undefined : this.#known.get(key)
    if (known) return known
    const named: Op = { ...op, outputs: [] }
    const outputs = op.outputs.map((output, i): Value => {
      const hint = hints[i] ?? [op.origin.module, op.kind, op.outputs.length > 1 ? i : ''].filter(part => part !== '').join('_')
      return { name: this.#uniqueName(hint), type: output.type, producer: named }
    })
    Object.assign(named, { outputs })
    for (const output of outputs) this.#identify(output)
    if (this.#ops.length === MAX_OPS)
      throw errors.E_UNSUPPORTED({
        what: `The graph "${this.name}" would have more than ${MAX_OPS} operations.`,
        next: 'No model is that deep: check the number of layers, and the lengths that were asked for.',
      })
    this.#ops.push(named)
    if (key !== undefined) this.#known.set(key, outputs)
    return outputs
  }

  #identify(value: Value): void {
    this.#ids.set(value, this.#ids.size)
  }

  #key(op: Op): string {
    const id = (value: Value): number => {
      const found = this.#ids.get(value)
      if (found === undefined)
        throw errors.E_GRAPH({ graph: this.name, problem: `${op.kind} uses "${value.name}", which belongs to another graph` })
      return found
    }
    const operands = Object.entries(op.operands).map(
      ([name, value]) => `${name}=${Array.isArray(value) ? value.map(id) : id(value as Value)}`,
    )
    const attributes = Object.entries(op.attributes).map(([name, value]) => `${name}=${attributeKey(value)}`)
    return [op.kind, op.exact === true, ...operands, ...attributes].join(';')
  }

  #uniqueName(hint: string): string {
    const base = identifier(hint)
    let name = base
    let next = this.#suffixes.get(base) ?? 1
    while (this.#names.has(name)) name = `${base}_${next++}`
    this.#suffixes.set(base, next)
    this.#names.add(name)
    return name
  }

  /** The finished graph: the ops that the outputs, and the states, depend on. */
  finish(outputs: Readonly<Record<string, Output>>): Graph {
    const listed = Object.entries(outputs).map(([name, output]): GraphOutput => ({ name, ...described(output) }))
    const live = new Set<Op>()
    const want = listed.map(({ value }) => value.producer)
    for (const op of this.#ops) if (definitionOf(op.kind)?.effect && op.outputs.length === 0) want.push(op)
    for (let op = want.pop(); want.length > 0 || op; op = want.pop()) {
      if (!op || live.has(op)) continue
      live.add(op)
      for (const value of operandsOf(op)) want.push(value.producer)
    }
    return {
      name: this.name,
      inputs: [...this.#inputs],
      states: [...this.#states],
      ops: this.#ops.filter(op => live.has(op)),
      outputs: listed,
    }
  }
}

/** An output taken apart: the value, and its port where it has one. */
function described(output: Output): Pick<GraphOutput, 'value' | 'port'> {
  if (!('value' in output)) return { value: output }
  const { value, ...port } = output
  return Object.keys(port).length > 0 ? { value, port } : { value }
}

/** A legal Core ML identifier near `name`. */
export const identifier = (name: string): string => {
  const legal = name.replace(/[^A-Za-z0-9_]+/g, '_')
  return /^[A-Za-z_]/.test(legal) ? legal : `_${legal}`
}

function attributeKey(value: Attribute): string {
  // JSON has no infinities.
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'object' || Array.isArray(value)) return JSON.stringify(value)
  const constant = value as Constant
  return `${constant.dtype}[${constant.shape}]${constant.id}`
}

function makeOp(kind: string, definition: OpDefinition, args: Arguments, origin: Origin): Op {
  const operands: Record<string, Value | readonly Value[]> = {}
  const attributes: Record<string, Attribute> = {}
  const fail = (problem: string) => errors.E_TYPE({ op: origin.module ? `${kind} (${origin.module})` : kind, problem })
  for (const [name, spec] of Object.entries(definition.operands)) {
    const given = args[name] as Value | readonly Value[] | undefined
    if (given === undefined && spec.arity !== 'optional') throw fail(`operand ${name} is missing`)
    if (given !== undefined) operands[name] = given
  }
  for (const [name, spec] of Object.entries(definition.attributes)) {
    const given = (args[name] as Attribute | undefined) ?? spec.fallback
    if (given === undefined && spec.required) throw fail(`attribute ${name} is missing`)
    if (spec.choices && !spec.choices.includes(given as string)) throw fail(`${name} is ${given}; allowed: ${spec.choices.join(', ')}`)
    if (given !== undefined) attributes[name] = given
  }
  for (const name of Object.keys(args)) {
    if (!Object.hasOwn(definition.operands, name) && !Object.hasOwn(definition.attributes, name)) throw fail(`no parameter "${name}"`)
  }
  let types: TensorType | readonly TensorType[]
  try {
    types = definition.infer(operandTypes(operands) as never, attributes as never)
  } catch (error) {
    if (error instanceof TypeError) throw fail(error.message)
    throw error
  }
  // Results have no name until the op is added: rules see the op before that.
  const outputs = ([types].flat() as TensorType[]).map((type): Value => ({ name: '', type }))
  return { kind, operands, attributes, outputs, origin }
}

for (const kind of Object.keys(ops)) {
  Object.defineProperty(Builder.prototype, kind, {
    value(this: Builder, args: Arguments) {
      const results = this.emit(kind, args)
      return traitsOf(kind).several ? results : results[0]
    },
  })
}
