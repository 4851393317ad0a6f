import { printType, type Value } from '@silane/core'
import { dtypeOfArray, encodings } from './data-types.ts'
import type { DecodedFunction } from './decode-function.ts'
import { errors } from './errors.ts'
import { type ArrayFeatureType, ImageFeatureType_ColorSpace as ColorSpace, type FeatureType } from './gen/feature_pb.ts'
import type { FeatureDescription } from './gen/model_pb.ts'
import type { Journal } from './journal.ts'

export interface Features {
  readonly input: readonly FeatureDescription[]
  readonly output: readonly FeatureDescription[]
  readonly state: readonly FeatureDescription[]
}

/** Holds what an app is told about a function against the function: names, element types and shapes. What could not be read is not held. */
export function checkInterface({ graph, opaque }: DecodedFunction, features: Features, specVersion: number, journal: Journal): void {
  const outputs = graph.outputs.map(({ name, value }) => ({ ...value, name }))
  const roles: [string, readonly Value[], readonly FeatureDescription[]][] = [
    ['input', graph.inputs, features.input],
    ['output', outputs, features.output],
    ['state', graph.states, features.state],
  ]
  for (const [role, values, described] of roles) {
    const byName = new Map(described.map(feature => [feature.name, feature]))
    const where = `function ${graph.name}`
    if (byName.size < described.length) journal.error(errors.E_DUPLICATE({ where, what: `described ${role}` }))
    for (const value of values) {
      const feature = byName.get(value.name)
      if (!feature) journal.error(errors.E_INTERFACE({ where, name: value.name, problem: `the ${role} is not described` }))
      const lacking = feature && unsupportedFeature(feature.type)
      if (lacking !== undefined) journal.error(errors.E_PACKAGE_UNSUPPORTED({ where: `${where}, "${value.name}"`, what: lacking }))
      const problem = feature && lacking === undefined ? featureProblem(role, value, feature.type, specVersion) : undefined
      if (problem) journal.error(errors.E_INTERFACE({ where, name: value.name, problem }))
    }
    const known = new Set(values.map(value => value.name))
    for (const { name } of described) {
      if (!known.has(name) && !opaque.has(name))
        journal.error(errors.E_INTERFACE({ where, name, problem: `the program has no such ${role}` }))
    }
  }
}

/** What a feature has that Core ML takes and nothing here reads; undefined where there is no such thing. */
function unsupportedFeature(type: FeatureType | undefined): string | undefined {
  if (type?.isOptional) return 'optional features'
  const found = type?.type
  switch (found?.case) {
    case 'multiArrayType':
      if (found.value.shapeFlexibility.case !== undefined) return 'flexible shapes'
      return found.value.defaultOptionalValue.case === undefined ? undefined : 'default values'
    case 'imageType':
      return found.value.sizeFlexibility.case === undefined ? undefined : 'images of several sizes'
    case 'stateType':
      return undefined
    default:
      // What says nothing is wrong in another way.
      return found?.case && `features of the kind ${found.case.replace('Type', '')}`
  }
}

function featureProblem(role: string, value: Value, type: FeatureType | undefined, specVersion: number): string | undefined {
  const found = type?.type
  if (role === 'state') {
    if (found?.case !== 'stateType' || found.value.type.case !== 'arrayType') return 'a state is described as something else'
    if (value.type.dtype !== 'fp16') return `a state is fp16, not ${value.type.dtype}`
    return arrayProblem(value, found.value.type.value, specVersion)
  }
  if (found?.case === 'multiArrayType') return arrayProblem(value, found.value, specVersion)
  if (found?.case !== 'imageType') return `it is described as ${found?.case ?? 'nothing'}`
  const { width, height, colorSpace } = found.value
  const channels = colorSpace === ColorSpace.RGB || colorSpace === ColorSpace.BGR ? 3 : 1
  const expected = [1, channels, Number(height), Number(width)]
  return expected.join() === value.type.shape.join()
    ? undefined
    : `it is described as an image of [${expected}], the program has ${printType(value.type)}`
}

function arrayProblem(value: Value, array: ArrayFeatureType, specVersion: number): string | undefined {
  const dtype = dtypeOfArray(array.dataType)
  if (!dtype) return `it is described with the element type ${array.dataType}`
  const since = encodings[dtype]?.arraySince ?? 0
  if (since > specVersion) return `arrays of ${dtype} need specification version ${since}; the package has ${specVersion}`
  const described = printType({ dtype, shape: array.shape.map(Number) })
  return described === printType(value.type) ? undefined : `it is described as ${described}, the program has ${printType(value.type)}`
}
