import type { DType, Graph, TargetName, TensorType, Value } from '@silane/core'
import type { DeployedOutput, DeployedTensor } from '../manifest.ts'

/** Element types as Core ML's documentation and NumPy call them. */
const names: Readonly<Partial<Record<DType, string>>> = { fp64: 'float64', fp32: 'float32', fp16: 'float16' }

/** ONNX ids and masks are int64: what its tools and tokenizers give. */
const inOnnx: Readonly<Partial<Record<DType, DType>>> = { int32: 'int64' }

/** What goes in and comes out of a function, for the manifest. */
export function describeTensors(graph: Graph, target: TargetName) {
  const typed = (name: string, type: TensorType) => {
    const dtype = (target === 'onnx' ? inOnnx[type.dtype] : undefined) ?? type.dtype
    return { name, dtype: names[dtype] ?? dtype, shape: [...type.shape] }
  }
  const input = ({ name, type, port }: Value): DeployedTensor => ({ ...typed(name, type), ...port })
  return {
    inputs: graph.inputs.map(input),
    outputs: graph.outputs.map(({ name, value, port }): DeployedOutput => ({ ...typed(name, value.type), ...port })),
    states: graph.states.map(input),
  }
}
