import { type DeployedFunction, type DeployedOutput, type DeployedTensor, packageOf } from '../../manifest.ts'
import { argumentLines } from './argument-lines.ts'
import type { Callable } from './callable.ts'
import { identifier } from './identifier.ts'
import { indent } from './indent.ts'
import { isHanded } from './is-handed.ts'
import { linesOf } from './lines-of.ts'
import { parameterType } from './parameter-type.ts'
import { scalar } from './scalar.ts'

/** A struct for each function, and what they load their packages and read their outputs with. `others`: the Swift around them. */
export function programCode(functions: readonly Callable[], others: readonly string[]): string[] {
  const named = functions.some(each => functionName(each) !== undefined)
  return [...errors(others.join('\n')), ...functions.flatMap(each => ['', ...struct(each)]), '', ...loader(named), '', ...linesOf(reader)]
}

/** What the code throws. */
const problems: Readonly<Record<string, readonly [declaration: string, about: string]>> = {
  missing: ['missing(String)', "A package is not in the app's bundle, or an output not in its program."],
  wrongCount: ['wrongCount(Int)', 'So many tokens, points or rows are not what a program takes.'],
  notDrawn: ['notDrawn', 'Core Graphics could not draw a picture, or its sides are too unequal.'],
  nothingToChoose: ['nothingToChoose', 'There is nothing to choose from.'],
}

const errors = (others: string): string[] => [
  'enum ProgramError: Error {',
  ...Object.entries(problems).flatMap(([name, [declaration, about]]) =>
    name === 'missing' || others.includes(`ProgramError.${name}`) ? [`  /// ${about}`, `  case ${declaration}`] : [],
  ),
  '}',
]

const loader = (named: boolean): string[] => [
  '/// A package, which Xcode has compiled into the app.',
  `func loadModel(_ name: String${named ? ', function: String? = nil' : ''}) throws -> MLModel {`,
  '  guard let url = Bundle.main.url(forResource: name, withExtension: "mlmodelc") else { throw ProgramError.missing(name) }',
  '  let configuration = MLModelConfiguration()',
  '  configuration.computeUnits = .cpuAndNeuralEngine',
  ...(named ? ['  if let function { configuration.functionName = function }'] : []),
  '  return try MLModel(contentsOf: url, configuration: configuration)',
  '}',
]

const reader = `
/// The tensor that an output is.
func tensor(_ name: String, of outputs: MLFeatureProvider) throws -> MLMultiArray {
  guard let array = outputs.featureValue(for: name)?.multiArrayValue else { throw ProgramError.missing(name) }
  return array
}`

/** The function that is asked for, where the package has several. */
const functionName = ({ program, fn }: Callable): string | undefined =>
  program.functions.length > 1 && fn.coreml === undefined ? fn.name : undefined

function struct(callable: Callable): string[] {
  const { program, fn, type } = callable
  const name = functionName(callable)
  const resource = (packageOf(program, fn)?.path ?? '').replace(/\.mlpackage$/, '')
  return [
    `struct ${type} {`,
    '  let model: MLModel',
    '',
    '  init() throws {',
    `    model = try loadModel("${resource}"${name === undefined ? '' : `, function: "${name}"`})`,
    '  }',
    '',
    ...indent(predict(fn)),
    '}',
  ]
}

function predict(fn: DeployedFunction): string[] {
  const state = fn.states.length > 0
  const parameters = [
    ...fn.inputs.map(input => `${identifier(input.name)}: ${parameterType(input)}`),
    ...(state ? ['using state: MLState'] : []),
  ]
  return [
    ...fn.inputs.map(input => `/// \`${identifier(input.name)}\`: ${about(input)}`),
    ...(state ? ['/// `state`: from `model.makeState()`, the same for every call of a sequence'] : []),
    `/// Gives ${fn.outputs.map(output => `\`${identifier(output.name)}\` [${output.shape.join(', ')}]`).join(', ')}`,
    ...argumentLines('func predict', parameters, ` throws -> ${result(fn)} {`),
    '  let inputs = try MLDictionaryFeatureProvider(dictionary: [',
    ...fn.inputs.map(input => `    "${input.name}": ${feature(input)},`),
    '  ])',
    `  let outputs = try model.prediction(from: inputs${state ? ', using: state' : ''})`,
    ...indent(returned(fn)),
    '}',
  ]
}

function about(input: DeployedTensor): string {
  const { shape, image } = input
  const [, , height, width] = shape
  if (image?.picture) return `a picture of ${width} × ${height} pixels`
  return `[${shape.join(', ')}]${isHanded(input) ? '' : ', row by row'}`
}

function feature(input: DeployedTensor): string {
  const value = identifier(input.name)
  if (input.image?.picture) return `MLFeatureValue(pixelBuffer: ${value})`
  if (isHanded(input)) return value
  return `MLMultiArray(MLShapedArray<${scalar(input)}>(scalars: ${value}, shape: [${input.shape.join(', ')}]))`
}

const result = ({ outputs: [only, ...more], outputs }: DeployedFunction): string =>
  only && more.length === 0 ? shaped(only) : `(${outputs.map(output => `${identifier(output.name)}: ${shaped(output)}`).join(', ')})`

function returned({ outputs }: DeployedFunction): string[] {
  const [only, ...more] = outputs
  if (only && more.length === 0) return [`return try ${read(only)}`]
  const items = outputs.map((output, i) => `  ${identifier(output.name)}: ${read(output)}${i < outputs.length - 1 ? ',' : ''}`)
  return ['return try (', ...items, ')']
}

const shaped = (output: DeployedOutput): string => `MLShapedArray<${scalar(output)}>`
const read = (output: DeployedOutput): string => `${shaped(output)}(tensor("${output.name}", of: outputs))`
