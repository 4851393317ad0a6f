import { isLicenseFile } from '@silane/checkpoint'
import type { ImagePort } from '@silane/core'
import { COPIED_CARD } from '../convert/model-papers.ts'
import { type DeployedOutput, type DeployedProgram, type DeployedTensor, type Manifest, packageOf } from '../manifest.ts'
import { swiftSection } from './swift/swift-section.ts'

/** README.md of an output folder: what the programs take and give, and how to call them from Swift. */
export function swiftReadme(manifest: Manifest): string {
  const { model, plugin, programs } = manifest
  return [
    `# ${model.id}`,
    '',
    `${model.architecture} (${model.modelType}), task ${model.task}, converted by silane ${manifest.silane.version} with ${plugin.package} ${plugin.version}.`,
    manifest.ok === false ? '\n**A numeric gate was missed: see report.html before you use these programs.**' : '',
    ...license(manifest),
    'Every name, shape and option stands in `silane.json`, the numeric checks and a static analysis in `report.html`.',
    '',
    ...programs.flatMap(describeProgram),
    ...(programs.some(program => program.functions.some(fn => packageOf(program, fn))) ? swiftSection(manifest) : []),
    ...(programs.some(program => program.functions.some(fn => fn.onnx)) ? onnx() : []),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()
    .concat('\n')
}

/** What the checkpoint's own files say of it. A text of somebody else: code marks keep it from being markup. */
function license({ model, files }: Manifest): string[] {
  const papers = files.filter(file => file === COPIED_CARD || isLicenseFile(file)).map(file => `\`${file}\``)
  const stated = model.license === undefined ? 'The model card names no license.' : `License of the model: ${code(model.license)}.`
  const link = model.licenseLink === undefined ? '' : ` Its text: <${new URL(model.licenseLink).href}>.`
  if (model.license === undefined && papers.length === 0) return []
  const beside = papers.length > 0 ? ` ${papers.join(', ')}: from the checkpoint, unchanged.` : ''
  return [`${stated}${link}${beside}`, '']
}

const code = (text: string): string => `\`${text.replaceAll('`', "'")}\``

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
  'The files in `onnx/` have the same names and shapes. **Shapes are fixed**: pad what is shorter, and convert again with other lengths (`--seq`, `--context`) for what is longer. Ids and masks are int64 there, other tensors float32, and a state is an input and an output `…_out`. Keep a `.onnx_data` file beside its `.onnx` files.',
  '',
]
