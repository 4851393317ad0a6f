import type { Manifest } from '../../manifest.ts'
import { argumentLines } from './argument-lines.ts'
import { indent } from './indent.ts'
import { type Method, methodsIn, ownerOf, type Parameter } from './methods-in.ts'

/** Text in and out, where the app has swift-transformers: an extension of the class that takes ids. Empty where it takes none. */
export function textCode({ pipeline }: Pick<Manifest, 'pipeline'>, main: readonly string[], name: string): string[] {
  const owner = ownerOf(main)
  const methods = methodsIn(main).filter(({ parameters }) => parameters.some(isIds))
  if (owner === undefined || methods.length === 0) return []
  const folders = [...new Set(Object.values(pipeline.tokenizers ?? {}))]
  return [
    '#if canImport(Tokenizers)',
    ...indent([
      `extension ${name}.${owner} {`,
      ...indent([
        '/// The tokenizer, through the package swift-transformers. `folder`: has tokenizer.json, tokenizer_config.json and',
        `/// config.json${folders.length > 0 ? `, as ${folders.map(folder => `\`${folder}\``).join(' or ')} of the converted folder has them` : ' of the converted folder'}.`,
        'static func tokenizer(in folder: URL) async throws -> any Tokenizer {',
        '  try await AutoTokenizer.from(modelFolder: folder)',
        '}',
        ...methods.flatMap(method => ['', ...overload(method)]),
      ]),
      '}',
    ]),
    '#endif',
  ]
}

const isIds = ({ name, type }: Parameter): boolean => name === 'text' && type === '[Int32]'

/** The same with a text instead of its ids. A second text is passed as ids alone. */
function overload({ name, parameters, result }: Method): string[] {
  const writes = name === 'generate'
  const kept = parameters.filter(({ name: own }) => own !== 'segments')
  const declared = kept.flatMap(parameter => {
    const { label, name: own, type, rest } = parameter
    const written = label === own ? label : `${label} ${own}`
    return isIds(parameter)
      ? [`${written}: String${rest === '' ? '' : ' = ""'}`, 'by tokenizer: any Tokenizer']
      : [`${written}: ${type}${rest}`]
  })
  const passed = kept.map(parameter => {
    const value = isIds(parameter) ? 'ids' : parameter.name
    return parameter.label === '_' ? value : `${parameter.label}: ${value}`
  })
  // What a text begins with, where it may be empty, has nothing put around it.
  const bare = kept.some(parameter => isIds(parameter) && parameter.rest !== '')
  return [
    ...argumentLines(`func ${name}`, declared, ` throws -> ${writes ? 'String' : result} {`),
    `  let ids = tokenizer.encode(text: text${bare ? ', addSpecialTokens: false' : ''}).map { Int32($0) }`,
    ...(writes
      ? [
          ...indent(argumentLines(`let tokens = try ${name}`, passed, '')),
          '  return tokenizer.decode(tokens: tokens.filter { !stopTokens.contains($0) }.map { Int($0) })',
        ]
      : indent(argumentLines(`return try ${name}`, passed, ''))),
    '}',
  ]
}
