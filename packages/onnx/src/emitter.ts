import { create } from '@bufbuild/protobuf'
import { allocate, type Constant, castConstant, type DType, denseConstant, type Graph, type TensorType, type Value } from '@silane/core'
import { type Attribute, Attribute_Type, AttributeSchema, type Node, NodeSchema } from './gen/onnx_pb.ts'
import { onnxTypes } from './onnx-types.ts'

export type OnnxAttribute = number | string | readonly number[] | { readonly float: number }

/** A tensor that stands in the file, under its name there. */
export interface Initializer {
  readonly name: string
  readonly constant: Constant
}

/** The element type that a value has in ONNX: everything that floats is float32 there. */
export const computedType = (dtype: DType): DType => (dtype === 'fp16' ? 'fp32' : dtype)

/** Collects the nodes and initializers of one ONNX graph. Names are those of the graph's values, with suffixes for what is between. */
export class Emitter {
  readonly nodes: Node[] = []
  /**
   * What widens constants, to stand before all other nodes: onnxruntime orders nodes from the results back, and later ones first,
   * so that a cast that stands behind the operand beside it is run, and its result held, from the start.
   */
  readonly widenings: Node[] = []
  readonly initializers: Initializer[] = []
  readonly #names = new Map<Value, string>()
  /** Inputs of int64 where the graph has int32. */
  readonly #wide = new Map<Value, string>()
  readonly #used = new Set<string>()
  readonly #constants = new Map<string, string>()
  /** What outputs are called whose nodes were renamed. */
  readonly #outputs = new Map<string, string>()
  #scope = ''

  constructor(graph: Graph) {
    for (const { name } of [...graph.inputs, ...graph.states]) this.#used.add(name)
    for (const { name } of graph.states) this.#used.add(`${name}_out`)
    for (const { name } of graph.outputs) this.#used.add(name)
  }

  /** Names of what is added next begin with this. */
  set scope(name: string) {
    this.#scope = name
  }

  bind(value: Value, name: string): void {
    this.#names.set(value, name)
  }

  /** An int64 that stands for an int32 of the graph: it is cast once, for those that do not take either. */
  bindWide(value: Value, name: string): void {
    this.#wide.set(value, name)
  }

  /** The ONNX name of a value. */
  name(value: Value): string {
    const found = this.#names.get(value)
    if (found !== undefined) return found
    const wide = this.#wide.get(value)
    if (wide === undefined) throw new TypeError(`"${value.name}" is used before it is defined`)
    const scope = this.#scope
    this.#scope = wide
    const narrow = this.cast(wide, 'int32')
    this.#scope = scope
    this.#names.set(value, narrow)
    return narrow
  }

  /** As `name`, for what takes int64 and int32 alike. */
  anyInteger(value: Value): string {
    return this.#wide.get(value) ?? this.name(value)
  }

  /** Adds a node with one result and gives the result's name. An empty input is one left out. */
  add(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute | undefined>> = {}): string {
    return this.addMany(opType, inputs, attributes, 1)[0] as string
  }

  addMany(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute | undefined>>,
    count: number,
  ): string[] {
    const output = Array.from({ length: count }, () => this.#unique(this.#scope))
    const attribute = Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [makeAttribute(name, value)]))
    this.nodes.push(create(NodeSchema, { opType, name: output[0] ?? this.#scope, input: [...inputs], output, attribute }))
    return output
  }

  /**
   * Gives an output exactly this name. The node that makes it takes the name on; what is an input, a constant or another output
   * as well is copied. To be called when all nodes are there.
   */
  output(made: string, name: string): void {
    const from = this.#outputs.get(made) ?? made
    const maker = from === made ? this.nodes.find(({ output }) => output.includes(from)) : undefined
    if (!maker) {
      this.nodes.push(create(NodeSchema, { opType: 'Identity', name, input: [from], output: [name] }))
      return
    }
    const renamed = (names: string[]): string[] => names.map(each => (each === from ? name : each))
    if (maker.name === from) maker.name = name
    maker.output = renamed(maker.output)
    for (const node of this.nodes) if (node.input.includes(from)) node.input = renamed(node.input)
    this.#outputs.set(made, name)
  }

  cast(x: string, dtype: DType): string {
    return this.add('Cast', [x], { to: onnxTypes[dtype] })
  }

  /** A constant tensor in the graph's own type. */
  initializer(constant: Constant): string {
    const key = `${constant.dtype}[${constant.shape}]${constant.id}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = this.#unique(this.#scope)
    this.initializers.push({ name, constant })
    this.#constants.set(key, name)
    return name
  }

  /** A constant as the float32 that the graph computes in; what is stored in fp16 is widened when the file is loaded. */
  constant(constant: Constant): string {
    if (constant.dtype === 'bf16' || constant.dtype === 'fp64') return this.initializer(castConstant(constant, 'fp32'))
    const name = this.initializer(constant)
    if (constant.dtype !== 'fp16') return name
    const key = `widened ${name}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const wide = this.#unique(this.#scope)
    this.widenings.push(
      create(NodeSchema, { opType: 'Cast', name: wide, input: [name], output: [wide], attribute: [makeAttribute('to', onnxTypes.fp32)] }),
    )
    this.#constants.set(key, wide)
    return wide
  }

  /** A vector of int64, for shapes and axes. */
  ints(values: readonly number[]): string {
    return this.initializer(denseConstant('int64', [values.length], BigInt64Array.from(values, BigInt)))
  }

  /** A scalar of the type that `like` computes in. */
  scalar(value: number, like: TensorType): string {
    const dtype = computedType(like.dtype)
    const data = allocate(dtype, 1)
    data[0] = value as never
    return this.initializer(denseConstant(dtype, [], data))
  }

  #unique(base: string): string {
    let name = base
    for (let i = 1; this.#used.has(name); i++) name = `${base}_${i}`
    this.#used.add(name)
    return name
  }
}

function makeAttribute(name: string, value: OnnxAttribute): Attribute {
  if (typeof value === 'number') return create(AttributeSchema, { name, type: Attribute_Type.INT, i: BigInt(value) })
  if (typeof value === 'string') return create(AttributeSchema, { name, type: Attribute_Type.STRING, s: new TextEncoder().encode(value) })
  if ('float' in value) return create(AttributeSchema, { name, type: Attribute_Type.FLOAT, f: value.float })
  return create(AttributeSchema, { name, type: Attribute_Type.INTS, ints: value.map(BigInt) })
}
