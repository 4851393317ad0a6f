import type { Manifest } from '../../manifest.ts'
import { callables } from './callable.ts'
import { callsCode } from './calls-code.ts'
import { classifierCode } from './classifier-code.ts'
import { decoderProse } from './decoder-prose.ts'
import { generatorCode } from './generator-code.ts'
import { isPictureInput } from './is-picture-input.ts'
import { pictureCode } from './picture-code.ts'
import { type PipelineView, pipelineView } from './pipeline-view.ts'
import { programCode } from './program-code.ts'
import { segmenterCode } from './segmenter-code.ts'

/** The part of a README.md that shows Swift: the programs, and what is around them in an app. Each block is a file of it. */
export function swiftSection(manifest: Manifest): string[] {
  const view = pipelineView(manifest)
  const around = view ? aroundPrograms(manifest, view) : []
  return [
    '## From Swift',
    '',
    'Add the packages to an Xcode target, which compiles them into the bundle, or compile one at run time with `MLModel.compileModel(at:)`.',
    '',
    ...block(programCode(manifest.programs.flatMap(callables), around)),
    ...around,
    ...contract(manifest),
  ]
}

const block = (code: readonly string[]): string[] => ['```swift', ...code, '```', '']

/** What an app does with the programs, as far as it follows from their ports and the steps of the pipeline. */
function aroundPrograms(manifest: Manifest, view: PipelineView): string[] {
  const generator = generatorCode(manifest, view)
  const [uses, verb] = generator
    ? [generator, generating(manifest, view)]
    : segmenterCode(view)
      ? [segmenterCode(view), segmenting(view)]
      : classifierCode(view)
        ? [classifierCode(view), command('classify . picture.jpg')]
        : [callsCode(view), []]
  const picture = view.wanted.find(isPictureInput)
  return [
    ...(picture ? ['From a picture to what the program reads:', '', ...block(pictureCode(picture))] : []),
    ...(uses ? ['All together:', '', ...block(uses)] : []),
    ...verb,
  ]
}

/** A command that computes the same from the same packages, where no Mac is. */
function command(...lines: readonly string[]): string[] {
  const all = lines.map(line => `\`silane ${line} --from coreml\``)
  return [`${all.join(' and ')} in this folder ${all.length > 1 ? 'run' : 'runs'} the same packages on any computer, to compare with.`, '']
}

function generating({ pipeline }: Manifest, { wanted }: PipelineView): string[] {
  if (!wanted.some(isPictureInput)) return command('generate . --text "…"')
  const [caption, question] = ['caption . picture.jpg', 'ask-image . picture.jpg --question "…"']
  if (pipeline.image_tokens !== undefined) return command(caption, question)
  return command(wanted.some(({ role }) => role === 'ids') ? question : caption)
}

function segmenting({ wanted }: PipelineView): string[] {
  const known = new Set(['points', 'labels', 'box', 'image'])
  if (wanted.some(({ role = '' }) => !known.has(role))) return []
  return command(`segment . picture.jpg --points 40,30${wanted.some(({ role }) => role === 'box') ? ' --box 10,10,90,70' : ''}`)
}

/** What the loop of a decoder and the places of pictures come to, whatever language drives them. */
const contract = ({ programs, pipeline }: Manifest): string[] =>
  pipeline.steps.flatMap(step => {
    if ('place' in step) return [standIn(step.place, step.feeds.rows), '']
    if (!('decode' in step)) return []
    const loop = decoderProse(programs.filter(program => step.decode.includes(program.name)))
    if (typeof step.entry === 'string') return loop
    const { embed, place } = step.entry
    const made = `It reads the vectors that \`${embed}\` gives for ids.`
    return [...loop, place ? `${made} ${standIn(place.id, place.rows)}` : made, '']
  })

/** What a host does with placeholders in a text. */
const standIn = (id: number, rows: string): string =>
  `Where an id is ${id}, put the next row of \`${rows}\` in the place of the vector that the embedding gives for it.`
