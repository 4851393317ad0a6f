import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type Attribute,
  type AttributeKind,
  arrayConstant,
  type Constant,
  castConstant,
  computedConstant,
  constantOf,
  type DType,
  definitionOf,
  FiniteCheck,
  type Graph,
  type NonFinite,
  type NumericArray,
  type Op,
  operandsOf,
  readAll,
  type TensorType,
  type Value,
} from '@silane/core'
import { encodings } from './data-types.ts'
import { errors } from './errors.ts'
import {
  type Argument_Binding,
  Argument_BindingSchema,
  FunctionSchema,
  type Function as MilFunction,
  type Value as MilValue,
  type Operation,
  OperationSchema,
} from './gen/mil_pb.ts'
import { identifierProblem, Names } from './identifiers.ts'
import { elements, fileValue, immediateValue, milType, stateType, textValue } from './literal.ts'
import { allowsType, attributeSince, implied, opsetName, specVersionOf } from './opset.ts'
import { goesToFile, type WeightPlan } from './weight-plan.ts'

export interface EncodeContext {
  /** What the program calls the function. */
  readonly name: string
  readonly opset: number
  readonly weights: WeightPlan
  readonly nonFinite: NonFinite[]
}

/** Core ML refuses tensors of a higher rank wherever the program computes. */
export const MAX_RANK = 5

/** Encodes a graph of the op level as a function of the program. */
export const encodeFunction = (graph: Graph, context: EncodeContext): MilFunction => new FunctionEncoder(graph, context).encode()

class FunctionEncoder {
  readonly #graph: Graph
  readonly #context: EncodeContext
  readonly #names = new Names()
  readonly #nameOf = new Map<Value, string>()
  readonly #operations: Uint8Array<ArrayBuffer>[] = []
  /** Parameters already written, by type and content: most ops of a model share their axes and strides. */
  readonly #parameters = new Map<string, string>()

  constructor(graph: Graph, context: EncodeContext) {
    this.#graph = graph
    this.#context = context
  }

  encode(): MilFunction {
    const graph = this.#graph
    const aliases = this.#nameBoundary()
    for (const op of graph.ops) {
      for (const output of op.outputs) if (!this.#nameOf.has(output)) this.#nameOf.set(output, this.#names.unique(output.name))
    }
    for (const op of graph.ops) this.#encodeOp(op)
    for (const { name, value } of aliases) this.#identity(name, value)
    this.#keepInputs()
    const opset = opsetName(this.#context.opset)
    return create(FunctionSchema, {
      inputs: [
        ...graph.inputs.map(value => ({ name: value.name, type: milType(value.type) })),
        ...graph.states.map(value => ({ name: value.name, type: stateType(value.type) })),
      ],
      opset,
      blockSpecializations: [{ key: opset, value: { outputs: graph.outputs.map(output => output.name), operations: this.#operations } }],
    })
  }

  /**
   * Fixes the names that callers see. Returns the outputs that need an op of their own: a value cannot have two
   * names, an input or constant cannot be an output as it is, and a value that is also written to a state
   * must not be one (the runtime would alias them).
   */
  #nameBoundary(): { name: string; value: Value }[] {
    const graph = this.#graph
    for (const value of [...graph.inputs, ...graph.states]) {
      this.#claim(value.name, graph.states.includes(value) ? 'state' : 'input')
      this.#nameOf.set(value, value.name)
    }
    const written = new Set(graph.ops.filter(op => op.kind === 'write_state').map(op => op.operands.data))
    const aliases: { name: string; value: Value }[] = []
    for (const output of graph.outputs) {
      const { name, value } = output
      this.#claim(name, 'output')
      if (graph.states.includes(value)) throw this.#refuse(`output "${name}" is a state: read it with read_state`)
      if (!value.producer || constantOf(value) || this.#nameOf.has(value) || written.has(value)) aliases.push(output)
      else this.#nameOf.set(value, name)
    }
    return aliases
  }

  #claim(name: string, role: string): void {
    const problem = identifierProblem(name) ?? (this.#names.claim(name) ? undefined : 'occurs twice among inputs, states and outputs')
    if (problem) throw errors.E_NAME({ name, problem: `${role} ${problem}`, where: this.#context.name })
  }

  /** An input that no op reads is kept alive by an identity: Core ML refuses to run otherwise. */
  #keepInputs(): void {
    const graph = this.#graph
    const used = new Set([...graph.ops.flatMap(operandsOf), ...graph.outputs.map(output => output.value)])
    for (const input of graph.inputs) if (!used.has(input)) this.#identity(this.#names.unique(`${input.name}_tmp`), input)
    for (const state of graph.states) if (!used.has(state)) throw this.#refuse(`state "${state.name}" is neither read nor written`)
  }

  #identity(name: string, value: Value): void {
    this.#add('identity', name, [['x', [bindName(this.#name(value))]]], [{ name, type: value.type }])
  }

  #name(value: Value): string {
    const name = this.#nameOf.get(value)
    if (name === undefined) throw this.#refuse(`"${value.name}" is used and never defined`)
    return name
  }

  #encodeOp(op: Op): void {
    const { opset } = this.#context
    const name = op.outputs[0]
      ? this.#name(op.outputs[0])
      : this.#names.unique(`${op.kind}_${this.#nameOf.get(operandsOf(op)[0] as Value) ?? ''}`)
    const definition = definitionOf(op.kind)
    if (definition?.level !== 'mil') throw this.#refuse(`${op.kind} "${name}" is not a Core ML op; lower the graph first`)
    if (definition.since > opset) throw errors.E_OPSET({ what: op.kind, name, since: definition.since, opset })
    this.#checkTypes(op, name)
    if (op.kind === 'const') {
      this.#const(name, op.attributes.val as Constant)
      return
    }
    const inputs: [string, Argument_Binding[]][] = []
    for (const key of Object.keys(definition.operands)) {
      const value = op.operands[key]
      if (value !== undefined) inputs.push([key, [value].flat().map(v => bindName(this.#name(v as Value)))])
    }
    if (op.kind === 'linear' && !op.operands.bias) inputs.push(['bias', [bindName(this.#zeros(op))]])
    const dtype = operandsOf(op)[0]?.type.dtype ?? 'fp32'
    for (const [key, spec] of Object.entries(definition.attributes)) {
      const value = op.attributes[key] ?? spec.fallback
      if (value === undefined) continue
      const since = attributeSince[op.kind]?.[key] ?? 0
      if (since <= opset) inputs.push([key, [bindName(this.#attribute(key, spec.kind, value, dtype, name))]])
      else if (value !== spec.fallback) throw errors.E_OPSET({ what: `parameter ${key} of ${op.kind}`, name, since, opset })
    }
    for (const { name: key, since, value } of implied[op.kind] ?? []) {
      const kind = typeof value === 'string' ? 'text' : 'bool'
      if (since <= opset) inputs.push([key, [bindName(this.#attribute(key, kind, value, dtype, name))]])
    }
    this.#add(
      op.kind,
      name,
      inputs,
      op.outputs.map(output => ({ name: this.#name(output), type: output.type })),
    )
  }

  #checkTypes(op: Op, name: string): void {
    const { opset } = this.#context
    const refuse = (type: TensorType) => errors.E_TYPE_UNSUPPORTED({ op: op.kind, name, type: `${type.dtype}[${type.shape}]`, opset })
    for (const output of op.outputs) {
      if (!encodings[output.type.dtype] || !allowsType(opset, op.kind, output.type.dtype)) throw refuse(output.type)
      if (op.kind !== 'const' && output.type.shape.length > MAX_RANK) throw refuse(output.type)
    }
    for (const [key, value] of Object.entries(op.operands)) {
      for (const { type } of [value].flat() as Value[]) if (!allowsType(opset, op.kind, type.dtype, key)) throw refuse(type)
    }
    if (op.kind === 'cast' && opset < 7 && !/^(fp16|fp32|int32|bool)$/.test(op.outputs[0]?.type.dtype ?? ''))
      throw errors.E_OPSET({ what: `cast to ${op.outputs[0]?.type.dtype}`, name, since: 7, opset })
    if (op.attributes.pad_type === 'same_lower' && opset < 6) throw errors.E_OPSET({ what: 'pad_type same_lower', name, since: 6, opset })
  }

  #const(name: string, constant: Constant): void {
    const { opset, weights } = this.#context
    const label = `${this.#context.name}: ${name}`
    this.#addConst(
      name,
      goesToFile(constant.dtype, constant.shape, specVersionOf(opset))
        ? fileValue(constant, weights.add(constant, label))
        : this.#immediate(constant, label),
      milType(constant),
    )
  }

  #immediate(constant: Constant, label: string): MilValue {
    const data = readAll(constant)
    this.#check(constant, data, label)
    return immediateValue(constant, data)
  }

  #check(constant: Constant, data: NumericArray, label: string): void {
    const check = new FiniteCheck(constant)
    check.see(data)
    this.#context.nonFinite.push(...check.found(label))
  }

  /** The bias of a linear that has none: Core ML wants it written. */
  #zeros(op: Op): string {
    const type = (op.operands.weight as Value).type
    const shape = type.shape.slice(0, 1)
    return this.#shared('bias', `zeros ${type.dtype}[${shape}]`, name =>
      this.#const(
        name,
        computedConstant(type.dtype, shape, 'zeros', () => 0),
      ),
    )
  }

  #attribute(key: string, kind: AttributeKind, value: Attribute, dtype: DType, op: string): string {
    if (kind === 'constant') {
      const constant = value as Constant
      return this.#shared(key, `${constant.dtype}[${constant.shape}]${constant.id}`, name => this.#const(name, constant))
    }
    if (kind === 'text') return this.#shared(key, `text ${value}`, name => this.#addConst(name, textValue(value as string), textType))
    const type: DType = kind === 'float' ? dtype : kind.startsWith('bool') ? 'bool' : 'int32'
    const numbers = [value].flat().map(Number)
    if (numbers.length === 0) throw this.#refuse(`parameter ${key} of "${op}" is empty`)
    const tensor: TensorType = { dtype: type, shape: Array.isArray(value) ? [numbers.length] : [] }
    const data = elements(type, numbers)
    if (kind === 'float')
      this.#check(
        castConstant(arrayConstant('fp64', tensor.shape, Float64Array.from(numbers)), type),
        data,
        `${this.#context.name}: ${op}.${key}`,
      )
    // −0 and 0 are different parameters with one text.
    const content = numbers.map(number => (Object.is(number, -0) ? '-0' : String(number))).join(',')
    return this.#shared(key, `${type}[${tensor.shape}] ${content}`, name =>
      this.#addConst(name, immediateValue(tensor, data), milType(tensor)),
    )
  }

  #shared(key: string, content: string, write: (name: string) => void): string {
    const known = this.#parameters.get(content)
    if (known !== undefined) return known
    const name = this.#names.unique(key)
    write(name)
    this.#parameters.set(content, name)
    return name
  }

  #addConst(name: string, val: MilValue, type: Operation['outputs'][number]['type']): void {
    this.#put({
      type: 'const',
      outputs: [{ name, ...(type && { type }) }],
      attributes: [
        { key: 'name', value: textValue(name) },
        { key: 'val', value: val },
      ],
    })
  }

  #add(
    kind: string,
    name: string,
    inputs: readonly [string, Argument_Binding[]][],
    outputs: readonly { name: string; type: TensorType }[],
  ): void {
    this.#put({
      type: kind,
      inputs: inputs.map(([key, bindings]) => ({ key, value: { arguments: bindings } })),
      outputs: outputs.map(output => ({ name: output.name, type: milType(output.type) })),
      attributes: [{ key: 'name', value: textValue(name) }],
    })
  }

  #put(operation: MessageInitShape<typeof OperationSchema>): void {
    this.#operations.push(toBinary(OperationSchema, create(OperationSchema, operation)))
  }

  #refuse(problem: string) {
    return errors.E_NOT_WRITABLE({ graph: this.#graph.name, problem })
  }
}

const textType = textValue('').type

const bindName = (name: string): Argument_Binding => create(Argument_BindingSchema, { binding: { case: 'name', value: name } })
