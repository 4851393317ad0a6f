import type { ImagePort } from '@silane/core'
import {
  type DeployedFunction,
  type DeployedOutput,
  type DeployedProgram,
  type DeployedTensor,
  type Manifest,
  packageOf,
} from '../manifest.ts'

/** README.md of an output folder: what the programs take and give, and how to call them from Swift. */
export function swiftReadme(manifest: Manifest): string {
  const { model, plugin, programs } = manifest
  return [
    `# ${model.id}`,
    '',
    `${model.architecture} (${model.modelType}), task ${model.task}, converted by silane ${manifest.silane.version} with ${plugin.package} ${plugin.version}.`,
    manifest.ok === false ? '\n**A numeric gate was missed: see report.html before you use these programs.**' : '',
    'Every name, shape and option stands in `silane.json`, the numeric checks and a static analysis in `report.html`.',
    '',
    ...programs.flatMap(describeProgram),
    ...(programs.some(program => program.functions.some(fn => packageOf(program, fn))) ? swift(manifest) : []),
    ...(programs.some(program => program.functions.some(fn => fn.onnx)) ? onnx() : []),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()
    .concat('\n')
}

function describeProgram(program: DeployedProgram): string[] {
  return program.functions.flatMap(fn => {
    const files = [packageOf(program, fn)?.path, fn.onnx?.path].filter(path => path !== undefined).map(path => `\`${path}\``)
    return [
      `## ${program.name}${program.functions.length > 1 ? `, function \`${fn.name}\`` : ''}`,
      '',
      files.join(', '),
      '',
      '| | name | type | shape | |',
      '|---|---|---|---|---|',
      ...fn.inputs.map(input => row('in', input, aboutInput(input))),
      ...fn.outputs.map(output => row('out', output, aboutOutput(output))),
      ...fn.states.map(state => row('state', state, aboutInput(state))),
      '',
    ]
  })
}

const row = (kind: string, { name, dtype, shape }: DeployedTensor | DeployedOutput, about: string): string =>
  `| ${kind} | \`${name}\` | ${dtype} | [${shape.join(', ')}] | ${about} |`

const aboutInput = ({ role, below, values, image }: DeployedTensor): string =>
  [role ?? '', values ? `${values.join(', ')}` : '', below === undefined ? '' : `below ${below}`, image ? aboutImage(image) : '']
    .filter(part => part !== '')
    .join(': ')

const aboutImage = ({ color, scale, bias, picture, steps = [] }: ImagePort): string => {
  const normalized = `pixel · [${scale.join(', ')}] + [${bias.join(', ')}]`
  if (!picture) return `${color}, ${normalized}`
  const padded = steps.some(step => 'pad' in step) ? '; exact only for pictures that fill the frame: zeros are padded after scaling' : ''
  return `${color === 'rgb' ? 'an RGB' : color === 'bgr' ? 'a BGR' : 'a gray'} picture in Core ML, ${normalized} in ONNX${padded}`
}

const aboutOutput = ({ rows, updates, best }: DeployedOutput): string =>
  [
    rows === undefined ? '' : `rows where \`${rows}\` is 1`,
    updates === undefined ? '' : `into \`${updates}\``,
    best === undefined ? '' : `where on axis ${best.axis} the best of \`${best.of}\` is`,
  ]
    .filter(part => part !== '')
    .join(', ')

const onnx = (): string[] => [
  '## ONNX',
  '',
  'The files in `onnx/` have the same names and shapes; ids and masks are int64 there, other tensors float32, and a state is an input and an output `…_out`. Keep a `.onnx_data` file beside its `.onnx` files.',
  '',
]

function swift({ programs, pipeline }: Manifest): string[] {
  return [
    '## From Swift',
    '',
    'Add the packages to an Xcode target, which compiles them into the bundle, or compile one at run time with `MLModel.compileModel(at:)`.',
    '',
    '```swift',
    'import CoreML',
    '',
    programs
      .map(program => callProgram(program).join('\n'))
      .filter(text => text !== '')
      .join('\n\n'),
    '```',
    '',
    ...pipeline.steps.flatMap(step => {
      if ('place' in step) return [standIn(step.place, step.feeds.rows), '']
      if (!('decode' in step)) return []
      const loop = decoderLoop(programs.filter(program => step.decode.includes(program.name)))
      if (typeof step.entry === 'string') return loop
      const { embed, place } = step.entry
      const made = `It reads the vectors that \`${embed}\` gives for ids.`
      return [...loop, place ? `${made} ${standIn(place.id, place.rows)}` : made, '']
    }),
  ]
}

const identifier = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** A Swift function for the default function of a program: load it once, call it often. */
function callProgram(program: DeployedProgram): string[] {
  const [fn] = program.functions
  const path = fn && packageOf(program, fn)?.path
  if (!fn || path === undefined) return []
  const resource = path.replace(/\.mlpackage$/, '')
  const several = program.functions.length > 1 && program.coreml !== undefined
  const name = identifier(program.name)
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`
  const parameters = fn.inputs.map(input => `${identifier(input.name)}: ${parameter(input)}`).join(', ')
  const state = fn.states.length > 0
  return [
    `struct ${type} {`,
    '  let model: MLModel',
    ...(state ? ['  let state: MLState'] : []),
    '',
    '  init() throws {',
    '    let configuration = MLModelConfiguration()',
    '    configuration.computeUnits = .cpuAndNeuralEngine',
    ...(several ? [`    configuration.functionName = "${fn.name}"  // or ${others(program)}`] : []),
    `    let url = Bundle.main.url(forResource: "${resource}", withExtension: "mlmodelc")!`,
    '    model = try MLModel(contentsOf: url, configuration: configuration)',
    ...(state ? ['    state = model.makeState()  // keeps its content from call to call'] : []),
    '  }',
    '',
    ...fn.inputs.map(input => `  /// \`${identifier(input.name)}\`: ${parameterDoc(input)}`),
    `  /// Gives ${fn.outputs.map(output => `\`${identifier(output.name)}\` [${output.shape.join(', ')}]`).join(', ')}`,
    `  func predict(${parameters}) throws -> ${result(fn)} {`,
    '    let inputs = try MLDictionaryFeatureProvider(dictionary: [',
    ...fn.inputs.map(input => `      "${input.name}": ${feature(input)},`),
    '    ])',
    `    let outputs = try model.prediction(from: inputs${state ? ', using: state' : ''})`,
    ...(fn.outputs.length === 1
      ? [`    return ${read(fn.outputs[0])}`]
      : [
          '    return (',
          ...fn.outputs.map((output, i) => `      ${identifier(output.name)}: ${read(output)}${i < fn.outputs.length - 1 ? ',' : ''}`),
          '    )',
        ]),
    '  }',
    '}',
  ]
}

const parameter = (input: DeployedTensor): string => (input.image?.picture ? 'CVPixelBuffer' : `[${scalar(input)}]`)

function parameterDoc({ shape, image }: DeployedTensor): string {
  const [, , height, width] = shape
  return image?.picture ? `a picture of ${width} × ${height} pixels` : `[${shape.join(', ')}], row by row`
}

function feature(input: DeployedTensor): string {
  const value = identifier(input.name)
  if (input.image?.picture) return `MLFeatureValue(pixelBuffer: ${value})`
  return `MLMultiArray(MLShapedArray<${scalar(input)}>(scalars: ${value}, shape: [${input.shape.join(', ')}]))`
}

const others = (program: DeployedProgram): string =>
  program.functions
    .slice(1)
    .map(fn => `"${fn.name}"`)
    .join(', ')

const scalars: Readonly<Record<string, string>> = { int32: 'Int32', float16: 'Float16', float32: 'Float' }
const scalar = ({ dtype }: Pick<DeployedTensor, 'dtype'>): string => scalars[dtype] ?? 'Float'

const read = (output: DeployedOutput | undefined): string =>
  output ? `MLShapedArray<${scalar(output)}>(outputs.featureValue(for: "${output.name}")!.multiArrayValue!)` : 'outputs'

const result = (fn: DeployedFunction): string => {
  const [only, ...more] = fn.outputs
  if (only && more.length === 0) return `MLShapedArray<${scalar(only)}>`
  return `(${fn.outputs.map(output => `${identifier(output.name)}: MLShapedArray<${scalar(output)}>`).join(', ')})`
}

/** What a host does with placeholders in a text. */
const standIn = (id: number, rows: string): string =>
  `Where an id is ${id}, put the next row of \`${rows}\` in the place of the vector that the embedding gives for it.`

/** How a host drives the parts of a decoder, in the names that its ports have. */
function decoderLoop(parts: readonly DeployedProgram[]): string[] {
  const functions = parts[0]?.functions ?? []
  const inputs = functions[0]?.inputs ?? []
  const named = (role: DeployedTensor['role']) => inputs.filter(input => input.role === role).map(({ name }) => `\`${name}\``)
  const positions = named('positions')[0]
  const updates = parts.flatMap(part => part.functions[0]?.outputs ?? []).filter(output => output.updates !== undefined)
  const updated = [...new Set(updates.map(({ name, updates }) => `\`${name}\` into \`${updates}\``))]
  const tokens = (fn: DeployedFunction) => fn.inputs.find(({ role }) => role === 'positions')?.shape.at(-1) ?? 1
  const called = functions.map(fn => `\`${fn.name}\` (${tokens(fn)} per call)`).join(' and ')
  const chain = parts.map(({ name }) => `\`${name}\``).join(', then ')
  return [
    `To generate, load ${chain} once per function: ${called}. Feed the prompt to the function that takes most tokens, padded on the right, ${positions ? `with ${positions} p, p + 1, …` : ''};`,
    'then feed each new token to the one that takes one.',
    updated.length > 0
      ? `After each call write ${updated.join(' and ')} at the slots p … p + S − 1, and pass the caches in again; slots from ${positions ?? 'p'}[0] on are not read.`
      : 'Pass the same `MLState` to every call of both functions.',
    '',
  ]
}
