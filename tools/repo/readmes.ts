// Writes what READMEs have of what is declared and measured: a plugin's options, its gates, and the table of all plugins in the
// repository's own. `node tools/repo/readmes.ts`; compatibility.ts does it too, when it has measured.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type OptionSpecs, shapeOptions } from '../../packages/core/src/index.ts'
import { type Compatibility, type Family, packageOf, pluginTable, readTable } from './compatibility.ts'
import { root } from './fixtures.ts'

const repository = 'https://github.com/silane/silane/blob/main'

/** The options that a plugin declares. */
export async function optionsOfPlugin(id: string): Promise<OptionSpecs> {
  const loaded = (await import(join(root, 'plugins', id, 'src/index.ts'))) as { readonly default: { readonly options?: OptionSpecs } }
  return loaded.default.options ?? {}
}

/** An option as it is typed. */
const flag = (name: string): string => (name in shapeOptions ? `--${name}` : `--option ${name}=…`)

function optionRows(options: OptionSpecs): readonly string[] {
  const rows = Object.entries(options).map(([name, spec]) => {
    const values = spec.choices?.map(choice => `\`${choice}\``).join(', ') ?? spec.type
    return `| \`${flag(name)}\` | ${values} | ${spec.default ?? ''} | ${spec.tasks?.join(', ') ?? 'all'} | ${spec.doc} |`
  })
  return ['| option | values | default | tasks | what it is |', '|---|---|---|---|---|', ...rows]
}

/** A plugin's README with the tables that belong into it. The text around them is by hand, and so are the other sections. */
export function renderPluginReadme(text: string, id: string, options: OptionSpecs, measured: Compatibility): string {
  const gates = [
    `The lowest PSNR in dB of [each line](${repository}/docs/guides/read-the-report.md) over the tiny checkpoints with random weights in \`fixtures/\`, in whole dB, run in onnxruntime on a CPU. \`node tools/repo/compatibility.ts\` in the repository measures it; [compatibility.json](${repository}/docs/compatibility.json) has a row for each fixture.`,
    '',
    ...pluginTable(id, measured),
    '',
  ]
  return text
    .replace(/^## Options\n\n(?:\|.*\n)*\n*/m, () => `## Options\n\n${optionRows(options).join('\n')}\n\n`)
    .replace(/^## Gates\n\n(?:The lowest .*\n\n)?(?:\|.*\n)*\n*/m, () => `## Gates\n\n${gates.join('\n')}\n`)
}

/** The columns of the repository's README: a line of the comparison, in all precisions or in one. */
const columns: readonly (readonly [title: string, line: string, precision?: string])[] = [
  ['original', 'original'],
  ['onnx', 'onnx'],
  ['lowering', 'lowering'],
  ['file', 'file'],
  ['total in fp32', 'total', 'fp32'],
  ['weights', 'weights'],
  ['arithmetic', 'arithmetic'],
  ['total', 'total', 'fp16'],
]

function lowest({ rows }: Family, line: string, precision?: string): string {
  const figures = rows
    .filter(({ options }) => precision === undefined || (options.precision ?? 'fp16') === precision)
    .flatMap(({ gates }) => gates[line] ?? [])
  const numbers = figures.filter(psnr => psnr !== 'equal')
  return numbers.length > 0 ? `${Math.min(...numbers)}` : figures.length > 0 ? 'equal' : ''
}

/** The repository's README with the figures of all plugins. */
export function renderReadme(text: string, { families, gates }: Compatibility): string {
  const rows = Object.entries(families).map(([id, family]) => {
    const conversions = family.rows.filter(({ target }) => target === 'coreml').length
    return `| ${id} | ${conversions} | ${columns.map(([, line, precision]) => lowest(family, line, precision)).join(' | ')} |`
  })
  const gate = ([, line, precision]: (typeof columns)[number]) => {
    const found = gates[`${line} ${precision ?? 'fp16'}`] ?? gates[`${line} fp32`]
    return found === undefined ? '' : `*${found}*`
  }
  const table = [
    `| plugin | conversions | ${columns.map(([title]) => title).join(' | ')} |`,
    `|---|---:|${columns.map(() => '---:').join('|')}|`,
    ...rows,
    `| *gate* | | ${columns.map(gate).join(' | ')} |`,
  ]
  return text.replace(/^\| plugin \| conversions \|.*\n(?:\|.*\n)*/m, () => `${table.join('\n')}\n`)
}

/** Every README that has such tables, as it stands and as it should. */
export async function renderReadmes(): Promise<readonly { readonly file: string; readonly now: string; readonly wanted: string }[]> {
  const measured = readTable()
  const readme = join(root, 'README.md')
  const now = readFileSync(readme, 'utf8')
  const rendered = [{ file: readme, now, wanted: renderReadme(now, measured) }]
  for (const id of Object.keys(measured.families)) {
    const file = join(root, 'plugins', packageOf(id).silane.id, 'README.md')
    if (!existsSync(file)) continue
    const text = readFileSync(file, 'utf8')
    rendered.push({ file, now: text, wanted: renderPluginReadme(text, id, await optionsOfPlugin(id), measured) })
  }
  return rendered
}

export async function writeReadmes(): Promise<void> {
  for (const { file, wanted } of await renderReadmes()) writeFileSync(file, wanted)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeReadmes()
