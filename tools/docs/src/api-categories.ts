/** What stands in a folder or a file of src/ and is called otherwise for readers, in the order of a package's page. */
const titles: readonly (readonly [start: string, title: string])[] = [
  ['plugin/', 'Plugin contract'],
  ['nn/', 'Parts of models'],
  ['builder', 'Graphs'],
  ['graph/', 'Graphs'],
  ['constant', 'Graphs'],
  ['dtype', 'Graphs'],
  ['op-definition', 'Operators'],
  ['ops/', 'Operators'],
  ['rewrite/', 'Rewriting and lowering'],
  ['passes/', 'Rewriting and lowering'],
  ['lower/', 'Rewriting and lowering'],
  ['pipelines', 'Rewriting and lowering'],
  ['interpret/', 'Interpreter'],
  ['decoding/', 'Decoding'],
  ['convert/', 'Convert and check'],
  ['inspect/', 'Convert and check'],
  ['validate/', 'Convert and check'],
  ['verify', 'Convert and check'],
  ['analyze-graph', 'Convert and check'],
  ['report/', 'Convert and check'],
  ['manifest', 'Convert and check'],
  ['generate/', 'Run'],
  ['pictures/', 'Run'],
  ['documents/', 'Run'],
  ['benchmark', 'Run'],
  ['ci/', 'Many models'],
  ['plugins/', 'Plugins'],
  ['cli/', 'Command line'],
  ['errors', 'Errors'],
  ['system-', 'Errors'],
  ['non-finite', 'Errors'],
  ['json-object', 'Errors'],
]

/** All of these titles, in their order. */
export const apiCategories: readonly string[] = [...new Set(titles.map(([, title]) => title))]

/** Where an export stands on its package's page: by the file under src/ that declares it. */
export const apiCategory = (source: string): string => {
  const known = titles.find(([start]) => source.startsWith(start))?.[1]
  // Of the small packages each file is a subject.
  const file = source.replace(/\.ts$|\/.*$/, '').replaceAll('-', ' ')
  return known ?? (file === '' ? 'Verbs' : `${file.slice(0, 1).toUpperCase()}${file.slice(1)}`)
}
