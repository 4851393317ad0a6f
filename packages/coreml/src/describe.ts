import { create } from '@bufbuild/protobuf'
import { type Graph, type ImagePort, printType, type Value } from '@silane/core'
import { encodings } from './data-types.ts'
import { errors } from './errors.ts'
import { aboutInput, aboutOutput } from './feature-text.ts'
import { ImageFeatureType_ColorSpace as ColorSpace, type FeatureType, FeatureTypeSchema } from './gen/feature_pb.ts'
import { type FeatureDescription, FeatureDescriptionSchema } from './gen/model_pb.ts'
import { STATE_OPSET, specVersionOf } from './opset.ts'

const images: Readonly<Record<ImagePort['color'], { readonly colorSpace: ColorSpace; readonly channels: number }>> = {
  rgb: { colorSpace: ColorSpace.RGB, channels: 3 },
  bgr: { colorSpace: ColorSpace.BGR, channels: 3 },
  gray: { colorSpace: ColorSpace.GRAYSCALE, channels: 1 },
}

/** The outside of a function: names, types and purposes of what goes in and comes out. Ports say which inputs an app passes as pictures. */
export function describe(graph: Graph, opset: number) {
  return {
    input: graph.inputs.map(value => {
      const { name, port } = value
      return feature(name, port?.image?.picture ? imageType(value, port.image.color) : arrayType(name, value, opset), aboutInput(port))
    }),
    output: graph.outputs.map(({ name, value, port }) => feature(name, arrayType(name, value, opset), aboutOutput(port))),
    state: graph.states.map(value => feature(value.name, stateType(value, opset), aboutInput(value.port))),
  }
}

const feature = (name: string, type: FeatureType, shortDescription: string): FeatureDescription =>
  create(FeatureDescriptionSchema, { name, type, shortDescription })

function array(value: Value) {
  return { shape: value.type.shape.map(BigInt), dataType: encodings[value.type.dtype]?.array ?? 0 }
}

function arrayType(name: string, value: Value, opset: number): FeatureType {
  const { array: code, arraySince } = encodings[value.type.dtype] ?? {}
  const problem =
    code === undefined || arraySince === undefined
      ? 'apps pass fp32, fp16 and int32 only; cast it'
      : arraySince > specVersionOf(opset)
        ? `this type needs opset ${arraySince - 1}; the package has ${opset}`
        : value.type.shape.length === 0
          ? 'a scalar cannot be passed; reshape it to [1]'
          : undefined
  if (problem) throw errors.E_INTERFACE_TYPE({ name, type: printType(value.type), problem })
  return create(FeatureTypeSchema, { type: { case: 'multiArrayType', value: array(value) } })
}

function stateType(value: Value, opset: number): FeatureType {
  if (opset < STATE_OPSET) throw errors.E_OPSET({ what: 'a state', name: value.name, since: STATE_OPSET, opset })
  if (value.type.dtype !== 'fp16' || value.type.shape.length === 0)
    throw errors.E_INTERFACE_TYPE({ name: value.name, type: printType(value.type), problem: 'a state is fp16 and not a scalar' })
  return create(FeatureTypeSchema, { type: { case: 'stateType', value: { type: { case: 'arrayType', value: array(value) } } } })
}

function imageType(value: Value, kind: ImagePort['color']): FeatureType {
  const { colorSpace, channels } = images[kind]
  const [batch, depth, height, width, ...rest] = value.type.shape
  if (value.type.dtype !== 'fp32' || batch !== 1 || depth !== channels || !height || !width || rest.length > 0) {
    const problem = `a ${kind} image is fp32[1, ${channels}, height, width]`
    throw errors.E_INTERFACE_TYPE({ name: value.name, type: printType(value.type), problem })
  }
  return create(FeatureTypeSchema, { type: { case: 'imageType', value: { width: BigInt(width), height: BigInt(height), colorSpace } } })
}
