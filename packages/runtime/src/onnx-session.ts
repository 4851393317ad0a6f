import {
  arrayConstant,
  type Constant,
  castArray,
  type DType,
  type NumericArray,
  own,
  readAll,
  type Session,
  type Tensors,
} from '@silane/core'
import type { InferenceSession, Ort, Tensor } from '@silane/onnxruntime-wasm'
import { errors } from './errors.ts'

/** Element types by onnxruntime's names for them. */
const types: Readonly<Record<string, DType>> = {
  float32: 'fp32',
  float16: 'fp16',
  float64: 'fp64',
  int64: 'int64',
  int32: 'int32',
  int16: 'int16',
  int8: 'int8',
  uint32: 'uint32',
  uint16: 'uint16',
  uint8: 'uint8',
  bool: 'bool',
}

/** The error of what onnxruntime refuses. */
export type Refused = (facts: { graph: string; problem: string }, options?: { cause: unknown }) => Error

interface SessionFacts {
  readonly graph: string
  /** Frees what the session was made from. */
  readonly release: () => void
  readonly refused: Refused
}

/** What there is to know of a tensor before it is there. */
export interface TensorKind {
  readonly dtype: string
  readonly shape: readonly number[]
}

/** A session of onnxruntime behind the core's interface: tensors are converted to the types that the file declares. */
export class OnnxSession implements Session {
  readonly #ort: Ort
  readonly #session: InferenceSession
  readonly #graph: string
  readonly #release: () => void
  readonly #refused: Refused
  #closed = false

  constructor(ort: Ort, session: InferenceSession, { graph, release, refused }: SessionFacts) {
    this.#ort = ort
    this.#session = session
    this.#graph = graph
    this.#release = release
    this.#refused = refused
  }

  /** Throws E_SESSION_INPUT unless inputs of these types and shapes are what it takes: to be asked before large ones are made. */
  check(inputs: Readonly<Record<string, TensorKind>>): void {
    for (const { name, ...meta } of this.#session.inputMetadata) {
      if (!meta.isTensor) continue
      const given = own(inputs, name)
      const expected = `${meta.type}[${meta.shape.join(', ')}]`
      const actual = given ? `${given.dtype}[${given.shape.join(', ')}]` : 'missing'
      if (!given || !Object.hasOwn(types, meta.type) || !fits(given.shape, meta.shape))
        throw errors.E_SESSION_INPUT({ graph: this.#graph, input: name, expected, actual })
    }
  }

  async run(inputs: Tensors): Promise<Tensors> {
    this.check(inputs)
    const feeds = new Map<string, Tensor>()
    for (const { name, ...meta } of this.#session.inputMetadata) {
      const given = own(inputs, name)
      if (meta.isTensor && given) feeds.set(name, this.#tensor(given, meta.type))
    }
    let results: InferenceSession.ReturnType
    try {
      results = await this.#session.run(Object.fromEntries(feeds), { logSeverityLevel: 4 })
    } catch (cause) {
      throw this.#refused({ graph: this.#graph, problem: (cause as Error).message }, { cause })
    }
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, constantOf(tensor)]))
  }

  #tensor(constant: Constant, type: string): Tensor {
    const dtype = types[type] as DType
    const data = castArray(readAll(constant), constant.dtype, dtype)
    return new this.#ort.Tensor(type as 'float32', data as Float32Array, [...constant.shape])
  }

  /** Frees the session and what it was made from; a second time does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#session.release()
    } finally {
      this.#release()
    }
  }
}

/** Files of others may leave dimensions open, by a name or −1. */
const fits = (shape: readonly number[], declared: readonly (number | string)[]): boolean =>
  shape.length === declared.length && declared.every((dim, axis) => typeof dim === 'string' || dim < 0 || dim === shape[axis])

function constantOf(tensor: Tensor): Constant {
  const dtype = own(types, tensor.type) ?? 'fp32'
  return arrayConstant(dtype, tensor.dims, tensor.data as NumericArray)
}
