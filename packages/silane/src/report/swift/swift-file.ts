import type { Manifest } from '../../manifest.ts'
import { callables } from './callable.ts'
import { helpersFor } from './helpers-for.ts'
import { indent } from './indent.ts'
import { isPictureInput } from './is-picture-input.ts'
import type { Owner } from './owner.ts'
import { ownerFor } from './owner-for.ts'
import { pictureCode } from './picture-code.ts'
import { pipelineView } from './pipeline-view.ts'
import { programCode } from './program-code.ts'
import { swiftName } from './swift-name.ts'
import { textCode } from './text-code.ts'

/**
 * The Swift of a conversion: one file, which compiles as it is. All of it stands in a namespace with the model's name, so that an app may
 * have several of these files.
 */
export function swiftFile(manifest: Manifest): string {
  const name = swiftName(manifest)
  const view = pipelineView(manifest)
  const owner = view && ownerFor(manifest, view)
  const pictured = owner?.methods.some(({ parameters }) => parameters.some(({ type }) => type === 'CGImage')) ?? false
  const input = pictured ? view?.wanted.find(isPictureInput) : undefined
  const picture = input && pictureCode(input, name)
  const main = owner?.code ?? []
  const around = [...main, ...(picture ? ['', ...picture.members] : [])]
  const helpers = helpersFor(around)
  const whole = [...around, ...helpers]
  const programs = programCode(manifest.programs.flatMap(callables), [...whole, ...(picture?.extension ?? [])])
  const members = [...(owner ? [...main, ''] : []), ...programs, ...(picture ? ['', ...picture.members] : []), ...helpers]
  const body = [`enum ${name} {`, ...indent(members.map(line => line.replace(/^func /, 'static func '))), '}']
  const texts = owner ? textCode(manifest, owner, name) : []
  const extension = picture ? ['', ...picture.extension.map(line => line.replace(/^extension /, 'fileprivate extension '))] : []
  const code = [...body, ...extension, ...(texts.length > 0 ? ['', ...texts] : [])]
  return [...about(manifest, name, owner), ...imports(code), '', ...code].join('\n').concat('\n')
}

/** Frameworks by the names of theirs that stand in the code. */
function imports(code: readonly string[]): string[] {
  const text = code.join('\n')
  const used = (names: RegExp) => names.test(text)
  return [
    ...(used(/\bCG[A-Z]/) ? ['import CoreGraphics'] : []),
    'import CoreML',
    ...(used(/\bk?CV[A-Z]/) ? ['import CoreVideo'] : []),
    'import Foundation',
    ...(used(/\bAutoTokenizer\b/) ? ['#if canImport(Tokenizers)', '  import Tokenizers', '#endif'] : []),
  ]
}

function about({ model, silane, programs }: Manifest, name: string, owner: Owner | undefined): string[] {
  const packages = [
    ...new Set(programs.flatMap(program => callables(program)).flatMap(({ program, fn }) => fn.coreml?.path ?? program.coreml?.path ?? [])),
  ]
  const line = (text: string) => `// ${text.replaceAll(/[\r\n\u2028\u2029]/g, ' ')}`
  return [
    line(`${model.id}: ${model.architecture}, ${model.task}. Written by silane ${silane.version}; another conversion replaces it.`),
    ...(model.license === undefined ? [] : [line(`License of the model: ${model.license}.`)]),
    line(`Add this file and ${packages.join(', ')} to a target. Xcode compiles packages into the app.`),
    ...(owner ? [line(`Begin with \`${name}.${owner.name}\`; the structs that end in Program are the packages, a call each.`)] : []),
    '',
  ]
}
