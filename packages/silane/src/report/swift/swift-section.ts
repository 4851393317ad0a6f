import type { Manifest } from '../../manifest.ts'
import { decoderProse } from './decoder-prose.ts'
import { isPictureInput } from './is-picture-input.ts'
import type { Owner } from './owner.ts'
import { ownerFor } from './owner-for.ts'
import { type PipelineView, pipelineView } from './pipeline-view.ts'
import { swiftFileName, swiftName } from './swift-name.ts'
import { usageCode } from './usage-code.ts'

/** The part of a README.md about Swift: which file, how it is used, and what it does whatever language drives the programs. */
export function swiftSection(manifest: Manifest): string[] {
  const view = pipelineView(manifest)
  const owner = view && ownerFor(manifest, view)
  const usage = owner && usageCode(owner, swiftName(manifest))
  return [
    '## From Swift',
    '',
    `\`${swiftFileName(manifest)}\` is all that an app needs around the packages: add it and them to an Xcode target, which compiles packages into the bundle.${usage?.texts ? ' Text goes in and out where the app has the package swift-transformers (`Tokenizers`); without it, ids do.' : ''}`,
    '',
    ...(usage ? ['```swift', ...usage.code, '```', ''] : []),
    ...(view ? verb(manifest, view, owner) : []),
    ...contract(manifest),
  ]
}

/** The command that does the same as the Swift. */
function verb(manifest: Manifest, view: PipelineView, owner: Owner | undefined): string[] {
  if (owner?.name === 'Generator') return generating(manifest, view)
  if (owner?.name === 'Segmenter') return segmenting(view)
  return owner?.name === 'Classifier' ? command('classify . picture.jpg') : []
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
