import type { Manifest } from '../../manifest.ts'
import { argumentLines } from './argument-lines.ts'
import { indent } from './indent.ts'
import { type Method, methodHead, type Parameter, passed } from './method.ts'
import type { Owner } from './owner.ts'

/** Text in and out, where the app has swift-transformers: an extension of the class that takes ids. Empty where it takes none. */
export function textCode({ pipeline }: Pick<Manifest, 'pipeline'>, owner: Owner, name: string): string[] {
  const methods = owner.methods.filter(({ parameters }) => parameters.some(({ role }) => role === 'ids'))
  if (methods.length === 0) return []
  const folders = [...new Set(Object.values(pipeline.tokenizers ?? {}))]
  return [
    '#if canImport(Tokenizers)',
    ...indent([
      `extension ${name}.${owner.name} {`,
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

/** The same with a text instead of its ids. A second text is passed as ids alone. */
function overload({ name, parameters, result }: Method): string[] {
  const writes = name === 'generate'
  const kept = parameters.filter(({ role }) => role !== 'segments')
  const taken = kept.flatMap((parameter): Parameter[] =>
    parameter.role === 'ids'
      ? [
          { ...parameter, type: 'String', ...(parameter.default === undefined ? {} : { default: '""' }) },
          { label: 'by', name: 'tokenizer', type: 'any Tokenizer' },
        ]
      : [parameter],
  )
  const given = kept.map(parameter => passed(parameter, parameter.role === 'ids' ? 'ids' : parameter.name))
  // What a text begins with, where it may be empty, has nothing put around it.
  const bare = kept.some(parameter => parameter.role === 'ids' && parameter.default !== undefined)
  return [
    ...methodHead({ name, parameters: taken, result: writes ? 'String' : result }),
    `  let ids = tokenizer.encode(text: text${bare ? ', addSpecialTokens: false' : ''}).map { Int32($0) }`,
    ...(writes
      ? [
          ...indent(argumentLines(`let tokens = try ${name}`, given, '')),
          '  return tokenizer.decode(tokens: tokens.filter { !stopTokens.contains($0) }.map { Int($0) })',
        ]
      : indent(argumentLines(`return try ${name}`, given, ''))),
    '}',
  ]
}
