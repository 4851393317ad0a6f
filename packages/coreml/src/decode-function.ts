import {
  type Attribute,
  type AttributeKind,
  type AttributeSpec,
  type Constant,
  constantOf,
  definitionOf,
  type Graph,
  type GraphOutput,
  isSilaneError,
  type Op,
  type OpDefinition,
  own,
  printType,
  readAll,
  sizeOf,
  type TensorType,
  type Value,
} from '@silane/core'
import { adaptations, foldings } from './adaptations.ts'
import { decodeMessage } from './decode-message.ts'
import { decodeType } from './decode-type.ts'
import { decodeValue, type Literal, type WeightFiles } from './decode-value.ts'
import { MAX_RANK } from './encode-function.ts'
import { errors } from './errors.ts'
import { type Argument_Binding, type Function as MilFunction, type Operation, OperationSchema } from './gen/mil_pb.ts'
import { identifierProblem } from './identifiers.ts'
import type { Journal } from './journal.ts'
import { MAX_PARAMETER } from './limits.ts'
import { allowsType, attributeSince, implied, opsetName } from './opset.ts'
import type { ZeroBiases } from './zero-biases.ts'

export interface DecodeContext {
  readonly opset: number
  readonly files: WeightFiles
  readonly journal: Journal
  /** One for the package. */
  readonly zeroBiases: ZeroBiases
}

/** What a name of the program stands for. */
interface Item {
  /** Unknown is what an op gives that was not read, but for its type; opaque is what has no type here. */
  readonly role: 'input' | 'state' | 'result' | 'constant' | 'text' | 'unknown' | 'opaque'
  /** Texts are parameters only and have no value. */
  readonly value?: Value
  readonly literal?: Literal
}

export interface DecodedFunction {
  readonly graph: Graph
  /** Names of values that the graph lacks since their types are not supported, and of what is made of them. */
  readonly opaque: ReadonlySet<string>
}

/** Reads a function of the program back into a graph, checking every name, type and parameter. */
export const decodeFunction = (name: string, source: MilFunction, context: DecodeContext): DecodedFunction | undefined =>
  new FunctionDecoder(name, context).decode(source)

class FunctionDecoder {
  readonly #name: string
  readonly #context: DecodeContext
  readonly #scope = new Map<string, Item>()
  readonly #ops: Op[] = []
  readonly #opNames = new Set<string>()
  readonly #suffixes = new Map<string, number>()

  constructor(name: string, context: DecodeContext) {
    this.#name = name
    this.#context = context
  }

  decode(source: MilFunction): DecodedFunction | undefined {
    const { journal, opset } = this.#context
    const where = `function ${this.#name}`
    const block = source.blockSpecializations.find(entry => entry.key === source.opset)?.value
    if (source.opset !== opsetName(opset))
      journal.error(errors.E_OPSET_MISMATCH({ where, opset: source.opset, specVersion: opset + 1, expected: opsetName(opset) }))
    if (!block) return journal.error(errors.E_PROGRAM({ where, problem: `it has no block for its opset ${source.opset}` }))
    if (source.blockSpecializations.length > 1) journal.error(errors.E_PROGRAM({ where, problem: 'it has several blocks' }))
    if (source.attributes.length + block.attributes.length > 0) journal.error(errors.E_PROGRAM({ where, problem: 'it has attributes' }))
    if (block.inputs.length > 0) journal.error(errors.E_PROGRAM({ where, problem: 'its block has inputs of its own' }))

    for (const input of source.inputs)
      if (!this.#attempt(() => this.#input(input.name, input.type))) this.#scope.set(input.name, { role: 'opaque' })
    block.operations.forEach((bytes, index) => {
      const operation = decodeMessage(OperationSchema, bytes, where)
      const label = `${where}, op ${index} ${operation.type}${operation.outputs[0] ? ` "${operation.outputs[0].name}"` : ''}`
      if (this.#readsOpaque(operation) || !this.#attempt(() => this.#operation(operation, label))) this.#declareAnyway(operation, label)
    })
    const outputs = this.#outputs(block.outputs, where)
    const named = (role: Item['role']) => [...this.#scope.values()].flatMap(item => (item.role === role && item.value ? [item.value] : []))
    const graph = { name: this.#name, inputs: named('input'), states: named('state'), ops: this.#liveOps(outputs), outputs }
    return { graph, opaque: new Set([...this.#scope].flatMap(([name, { role }]) => (role === 'opaque' ? [name] : []))) }
  }

  /** Runs a step. Its error goes to the journal, which may throw it; false when it failed. */
  #attempt(step: () => void): boolean {
    try {
      step()
      return true
    } catch (error) {
      if (!isSilaneError(error)) throw error
      this.#context.journal.error(error)
      return false
    }
  }

  /** After an error: the results count as defined, so that one fault is not reported at every use. */
  #declareAnyway(operation: Operation, where: string): void {
    for (const { name, type } of operation.outputs) {
      if (!this.#scope.has(name)) this.#scope.set(name, itemOfType(name, type, where))
    }
  }

  /** Whether an op takes something without a type: nothing can be said about it then. */
  #readsOpaque({ inputs }: Operation): boolean {
    return inputs
      .flatMap(({ value }) => value?.arguments ?? [])
      .some(({ binding }) => binding.case === 'name' && this.#scope.get(binding.value)?.role === 'opaque')
  }

  #declare(name: string, item: Item, where: string): void {
    const problem = identifierProblem(name)
    if (problem) throw errors.E_IDENTIFIER({ where, name, problem })
    if (this.#scope.has(name)) throw errors.E_DUPLICATE({ where, what: `value "${name}"` })
    this.#scope.set(name, item)
  }

  #input(name: string, type: Parameters<typeof decodeType>[0]): void {
    const where = `function ${this.#name}, input "${name}"`
    const { kind, tensor } = decodeType(type, where)
    if (kind === 'text') throw errors.E_VALUE_TYPE({ where, problem: 'a text cannot be passed' })
    if (tensor.shape.length === 0 || tensor.shape.length > MAX_RANK)
      throw errors.E_VALUE_TYPE({ where, problem: `an input of rank ${tensor.shape.length}; allowed are 1 to ${MAX_RANK}` })
    this.#declare(name, { role: kind === 'state' ? 'state' : 'input', value: { name, type: tensor } }, where)
  }

  #outputs(names: readonly string[], where: string): GraphOutput[] {
    const { journal } = this.#context
    if (names.length === 0) journal.error(errors.E_PROGRAM({ where, problem: 'it has no outputs' }))
    if (new Set(names).size < names.length) journal.error(errors.E_DUPLICATE({ where, what: 'output of one name' }))
    return [...new Set(names)].flatMap((name): GraphOutput[] => {
      const item = this.#scope.get(name)
      if (!item) journal.error(errors.E_UNDEFINED({ where, name }))
      else if (item.role === 'opaque') return []
      else if (item.role === 'state' || !item.value)
        journal.error(errors.E_PROGRAM({ where, problem: `its output "${name}" is a ${item.role}` }))
      else {
        if (item.role === 'input') journal.warn(errors.E_ALIAS({ where, name }))
        return [{ name, value: item.value }]
      }
      return []
    })
  }

  /** Constants that were only parameters have become attributes, and are left out. */
  #liveOps(outputs: readonly GraphOutput[]): Op[] {
    const used = new Set([...this.#ops.flatMap(op => Object.values(op.operands).flat()), ...outputs.map(output => output.value)])
    return this.#ops.filter(op => op.kind !== 'const' || op.outputs.some(output => used.has(output)))
  }

  #operation(operation: Operation, where: string): void {
    if (operation.blocks.length > 0) throw errors.E_OP_UNKNOWN({ where, kind: operation.type })
    this.#checkAttributes(operation, where)
    const { type: kind } = operation
    if (kind === 'const') this.#const(operation, where)
    else if (Object.hasOwn(foldings, kind)) this.#fold(operation, where)
    else this.#compute(operation, where)
  }

  #checkAttributes(operation: Operation, where: string): void {
    const fail = (problem: string) => errors.E_PROGRAM({ where, problem })
    const seen = new Set<string>()
    for (const { key, value } of operation.attributes) {
      if (seen.has(key)) throw errors.E_DUPLICATE({ where, what: `attribute "${key}"` })
      seen.add(key)
      if (key === 'val' && operation.type === 'const') continue
      if (key !== 'name') {
        if (operation.type.startsWith('constexpr_')) throw errors.E_COMPRESSED({ where, kind: operation.type })
        throw fail(`it has an attribute "${key}"`)
      }
      const name = decodeValue(value, this.#context.files, where).texts
      if (!name?.[0] || name.length > 1) throw fail('its name is not a text')
      if (this.#opNames.has(name[0])) this.#context.journal.warn(errors.E_OP_NAME({ where, name: name[0] }))
      this.#opNames.add(name[0])
    }
  }

  #const(operation: Operation, where: string): void {
    const [output, ...more] = operation.outputs
    if (!output || more.length > 0 || operation.inputs.length > 0)
      throw errors.E_PROGRAM({ where, problem: 'a constant has one output and no inputs' })
    const literal = decodeValue(operation.attributes.find(({ key }) => key === 'val')?.value, this.#context.files, where)
    const declared = decodeType(output.type, where)
    const actual = literal.constant ? printType(literal.constant) : `text[${literal.texts.length}]`
    const expected = declared.kind === 'text' ? `text[${sizeOf(declared.tensor.shape)}]` : printType(declared.tensor)
    if (actual !== expected || declared.kind === 'state') throw errors.E_TYPES({ where, declared: expected, computed: actual })
    if (literal.constant) this.#addConstant(output.name, literal.constant, where)
    else this.#declare(output.name, { role: 'text', literal }, where)
  }

  #addConstant(name: string, constant: Constant, where: string): Value {
    const type = { dtype: constant.dtype, shape: constant.shape }
    const op: Op = { kind: 'const', operands: {}, attributes: { val: constant }, outputs: [], origin: { module: '', rules: [] } }
    const value: Value = { name, type, producer: op }
    Object.assign(op, { outputs: [value] })
    this.#declare(name, { role: 'constant', value, literal: { constant } }, where)
    this.#ops.push(op)
    return value
  }

  #arguments(operation: Operation, where: string): Map<string, readonly Argument_Binding[]> {
    const found = new Map<string, readonly Argument_Binding[]>()
    for (const { key, value } of operation.inputs) {
      if (found.has(key)) throw errors.E_DUPLICATE({ where, what: `parameter "${key}"` })
      const bindings = value?.arguments ?? []
      if (bindings.length === 0) throw errors.E_PARAMETER({ where, name: key, problem: 'nothing is bound to it' })
      found.set(key, bindings)
    }
    return found
  }

  #single(bindings: readonly Argument_Binding[], where: string, name: string): Argument_Binding {
    const [binding, ...more] = bindings
    if (!binding || more.length > 0) throw errors.E_PARAMETER({ where, name, problem: `${bindings.length} values are bound to it` })
    return binding
  }

  #item({ binding }: Argument_Binding, where: string, parameter: string): Item {
    if (binding.case === 'name') {
      const item = this.#scope.get(binding.value)
      if (!item) throw errors.E_UNDEFINED({ where, name: binding.value })
      return item
    }
    if (binding.case !== 'value') throw errors.E_PARAMETER({ where, name: parameter, problem: 'nothing is bound to it' })
    const literal = decodeValue(binding.value, this.#context.files, where)
    return { role: literal.constant ? 'constant' : 'text', literal }
  }

  #operand(binding: Argument_Binding, where: string, name: string, hint: string): Value {
    const item = this.#item(binding, where, name)
    if (item.value) return item.value
    if (!item.literal?.constant) throw errors.E_PARAMETER({ where, name, problem: 'a text is bound to it' })
    // A value spelled out where it is used becomes a constant of its own.
    return this.#addConstant(this.#freeName(`${hint}_${name}`), item.literal.constant, where)
  }

  /** A name like `wanted` for a value that the program does not name. Counts on, so that many are not slow. */
  #freeName(wanted: string): string {
    let name = wanted
    for (let i = this.#suffixes.get(wanted) ?? 0; this.#scope.has(name) || identifierProblem(name); i++) {
      name = `${wanted}_${i}`
      this.#suffixes.set(wanted, i + 1)
    }
    return name
  }

  #fold(operation: Operation, where: string): void {
    const { operands, constants: wanted, apply } = foldings[operation.type] as (typeof foldings)[string]
    const found = this.#arguments(operation, where)
    const types: Record<string, TensorType> = {}
    const constants: Record<string, Constant> = {}
    for (const key of found.keys()) {
      if (!operands.includes(key) && !wanted.some(name => name.replace('?', '') === key))
        throw errors.E_PARAMETER({ where, name: key, problem: 'the op has no such parameter' })
    }
    for (const [key, bindings] of found) {
      const item = this.#item(this.#single(bindings, where, key), where, key)
      const type = item.value?.type ?? item.literal?.constant
      if (operands.includes(key) && type) types[key] = type
      else if (item.literal?.constant) constants[key] = item.literal.constant
      else throw errors.E_PARAMETER({ where, name: key, problem: 'it is not a constant' })
    }
    for (const key of [...operands, ...wanted]) {
      if (!key.endsWith('?') && !(key in types) && !(key in constants))
        throw errors.E_PARAMETER({ where, name: key, problem: 'it is missing' })
    }
    const large = Object.values(constants).find(constant => sizeOf(constant.shape) > MAX_PARAMETER)
    if (large) throw errors.E_OP({ where, problem: `a parameter of ${sizeOf(large.shape)} elements` })
    const [output, ...more] = operation.outputs
    if (!output || more.length > 0) throw errors.E_PROGRAM({ where, problem: 'it has one output' })
    const constant = reasoned(where, () => apply({ constants, types }))
    const declared = printType(decodeType(output.type, where).tensor)
    if (declared !== printType(constant)) throw errors.E_TYPES({ where, declared, computed: printType(constant) })
    this.#addConstant(output.name, constant, where)
  }

  #compute(operation: Operation, where: string): void {
    const { opset } = this.#context
    const adaptation = Object.hasOwn(adaptations, operation.type) ? adaptations[operation.type] : undefined
    const base = adaptation?.as ?? operation.type
    const definition = definitionOf(base)
    if (operation.type.startsWith('constexpr_')) throw errors.E_COMPRESSED({ where, kind: operation.type })
    if (definition?.level !== 'mil') throw errors.E_OP_UNKNOWN({ where, kind: operation.type })
    if (definition.since > opset) throw errors.E_OP({ where, problem: `${operation.type} came with ${opsetName(definition.since)}` })

    const hint = operation.outputs[0]?.name ?? operation.type
    const given = this.#parameters(operation, definition, adaptation?.extra ?? {}, where, hint)
    const types = Object.fromEntries(Object.entries(given.operands).flatMap(([key, value]) => (isValue(value) ? [[key, value.type]] : [])))
    const adapted = reasoned(where, () => adaptation?.apply({ types, attributes: given.attributes }) ?? { attributes: given.attributes })
    const kind = adapted.kind ?? base
    const operands = dropZeroBias(kind, given.operands, this.#context.zeroBiases)
    for (const name of ['begin', 'end'] as const) {
      const value = operands[name]
      if (!adaptation?.bounds || !value || !isValue(value)) continue
      const bound = reasoned(where, () => adaptation.bounds?.(name, constantOf(value), types.x?.shape ?? [], given.attributes))
      if (bound) operands[name] = this.#addConstant(this.#freeName(`${hint}_${name}`), bound, where)
    }
    this.#append(operation, kind, operands, complete(kind, adapted.attributes, where), where)
  }

  /** Sorts what is bound to an op into operands and attributes. */
  #parameters(operation: Operation, definition: OpDefinition, extra: Readonly<Record<string, AttributeKind>>, where: string, hint: string) {
    const { opset } = this.#context
    const operands: Operands = {}
    const attributes: Record<string, Attribute> = {}
    const found = this.#arguments(operation, where)
    for (const [key, bindings] of found) {
      const fail = (problem: string) => errors.E_PARAMETER({ where, name: key, problem })
      const since = attributeSince[operation.type]?.[key] ?? 0
      if (since > opset) throw fail(`it came with ${opsetName(since)}`)
      const spec = own(definition.operands, key)
      const kind = own(definition.attributes, key)?.kind ?? own(extra, key)
      const fixed = implied[operation.type]?.find(({ name }) => name === key)
      if (spec) {
        const values = bindings.map(binding => this.#operand(binding, where, key, hint))
        if (spec.arity !== 'many') this.#single(bindings, where, key)
        if (spec.constant && values.some(value => !constantOf(value) && this.#scope.get(value.name)?.role !== 'unknown'))
          throw fail('it must be a constant')
        for (const value of values) this.#checkOperand(operation.type, key, value, where)
        operands[key] = spec.arity === 'many' ? values : (values[0] as Value)
      } else if (kind || fixed) {
        const { literal } = this.#item(this.#single(bindings, where, key), where, key)
        if (!literal) throw fail('it must be a constant')
        const value = attributeOf(literal, kind ?? (typeof fixed?.value === 'string' ? 'text' : 'bool'))
        if (value === undefined) throw fail(`its value is not of the kind ${kind ?? typeof fixed?.value}`)
        if (kind) attributes[key] = value
        else if (fixed && !(fixed.accepts ?? [fixed.value]).some(known => known === value))
          throw errors.E_PACKAGE_UNSUPPORTED({ where, what: `the value ${value} of parameter ${JSON.stringify(key)}` })
        if (fixed && fixed.since > opset) throw fail(`it came with ${opsetName(fixed.since)}`)
      } else throw fail('the op has no such parameter')
    }
    for (const [key, { arity }] of Object.entries(definition.operands)) {
      if (arity !== 'optional' && !(key in operands)) throw errors.E_PARAMETER({ where, name: key, problem: 'it is missing' })
    }
    return { operands, attributes }
  }

  #checkOperand(kind: string, key: string, value: Value, where: string): void {
    const isState = this.#scope.get(value.name)?.role === 'state'
    const wantsState = key === 'input' && (kind === 'read_state' || kind === 'write_state')
    if (isState !== wantsState)
      throw errors.E_STATE({
        where,
        problem: isState ? `${kind} takes the state "${value.name}" for a tensor` : `"${value.name}" is not a state`,
      })
    if (!allowsType(this.#context.opset, kind, value.type.dtype, key))
      throw errors.E_OP({
        where,
        problem: `its ${key} is ${value.type.dtype}, which ${opsetName(this.#context.opset)} does not take there`,
      })
  }

  #append(operation: Operation, kind: string, operands: Op['operands'], attributes: Op['attributes'], where: string): void {
    const definition = definitionOf(kind) as OpDefinition
    const operandTypes = Object.fromEntries(
      Object.entries(operands).map(([key, value]) => [key, isValue(value) ? value.type : value.map(v => v.type)]),
    )
    // The definition's own types say what it takes; here the names are only known at run time.
    const inferred = reasoned(where, () => [definition.infer(operandTypes as never, attributes as never)].flat()) as TensorType[]
    const declared = operation.outputs.map(output => decodeType(output.type, where))
    // topk without indices: the core's has both results.
    const hidden = kind === 'topk' && declared.length === 1 ? inferred.slice(1) : []
    const expected = [...declared.map(({ tensor }) => tensor), ...hidden].map(printType).join(', ')
    const computed = inferred.map(printType).join(', ')
    if (expected !== computed || declared.some(type => type.kind !== 'tensor'))
      throw errors.E_TYPES({ where, declared: expected, computed })
    for (const type of inferred) {
      if (type.shape.length > MAX_RANK)
        throw errors.E_OP({ where, problem: `its result has rank ${type.shape.length}; the limit is ${MAX_RANK}` })
      if (!allowsType(this.#context.opset, kind, type.dtype)) throw errors.E_OP({ where, problem: `its result is ${type.dtype}` })
    }
    const op: Op = { kind, operands, attributes, outputs: [], origin: { module: '', rules: [] } }
    const names = [
      ...operation.outputs.map(output => output.name),
      ...hidden.map(() => this.#freeName(`${operation.outputs[0]?.name}_indices`)),
    ]
    const outputs = inferred.map((type, i): Value => ({ name: names[i] as string, type, producer: op }))
    Object.assign(op, { outputs })
    for (const value of outputs) this.#declare(value.name, { role: 'result', value }, where)
    this.#ops.push(op)
  }
}

/** A value of which nothing is known but the type that is declared for it, and not even that where it is not supported. */
function itemOfType(name: string, declared: Parameters<typeof decodeType>[0], where: string): Item {
  try {
    return { role: 'unknown', value: { name, type: decodeType(declared, where).tensor } }
  } catch (error) {
    if (!isSilaneError(error)) throw error
    return { role: 'opaque' }
  }
}

type Operands = Record<string, Value | readonly Value[]>

const isValue = (value: Value | readonly Value[]): value is Value => !Array.isArray(value)

/** Inference and adaptation give their reasons as TypeErrors; a RangeError is an index outside a shape. */
function reasoned<T>(where: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw errors.E_OP({ where, problem: error.message }, { cause: error })
    throw error
  }
}

/** Fills in the core's defaults and checks choices. */
function complete(kind: string, attributes: Readonly<Record<string, Attribute>>, where: string): Record<string, Attribute> {
  const specs: Readonly<Record<string, AttributeSpec>> = definitionOf(kind)?.attributes ?? {}
  const complete: Record<string, Attribute> = {}
  for (const [name, spec] of Object.entries(specs)) {
    const value = attributes[name] ?? spec.fallback
    const fail = (problem: string) => errors.E_PARAMETER({ where, name, problem })
    if (value === undefined && spec.required) throw fail('it is missing')
    if (spec.choices && !spec.choices.includes(String(value))) throw fail(`the value ${value} is not one of ${spec.choices.join(', ')}`)
    if (value !== undefined) complete[name] = value
  }
  return complete
}

/** A literal as an attribute; undefined when it is of another kind. */
function attributeOf(literal: Literal, kind: AttributeKind): Attribute | undefined {
  if (literal.texts) return kind === 'text' && literal.texts.length === 1 ? literal.texts[0] : undefined
  const { constant } = literal
  const { dtype, shape } = constant
  if (kind === 'constant') return constant
  if (kind === 'text' || shape.length > 1 || sizeOf(shape) > MAX_PARAMETER) return undefined
  const many = kind === 'ints' || kind === 'bools'
  if (!many && sizeOf(shape) !== 1) return undefined
  const values = Array.from(readAll(constant) as Float64Array, Number)
  if (kind === 'bool' || kind === 'bools') {
    if (dtype !== 'bool') return undefined
    return many ? values.map(Boolean) : Boolean(values[0])
  }
  if (dtype === 'bool') return undefined
  // Upsampling factors may be given as floats.
  if (kind !== 'float' && !values.every(Number.isSafeInteger)) return undefined
  return many ? values : values[0]
}

/** The writer gives every linear a bias, as Core ML asks for one: zeros are taken back. */
function dropZeroBias(kind: string, operands: Operands, zeroBiases: ZeroBiases): Operands {
  const { bias, ...rest } = operands
  if (kind !== 'linear' || !bias || !isValue(bias)) return operands
  const constant = constantOf(bias)
  return constant && zeroBiases.has(constant) ? rest : operands
}
