// What converts into what, and how exactly: `node tools/repo/compatibility.ts` converts the fixtures that are new or have changed, and
// those of plugins whose version has, and writes docs/compatibility.json, its page and the READMEs' tables; `--all` converts every one, `--page` none.
// `--list FILE` writes the fixtures as a silane.ci.json. A missed gate or a failed conversion ends it with 1.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { digestOf, type Fixture, fixtures, type Measured, measure, type Options, root, writeList } from './fixtures.ts'
import { writeReadmes } from './readmes.ts'

export const table = join(root, 'docs/compatibility.json')
export const page = join(root, 'docs/compatibility.md')

/** Whole dB, rounded down: what is beyond differs with the machine's order of summing. */
type Decibels = number | 'equal'

export interface Row {
  readonly fixture: string
  readonly task: string
  readonly target: string
  readonly options: Options
  /** The lowest figure of each line. */
  readonly gates: Readonly<Record<string, Decibels>>
}

export interface Family {
  readonly package: string
  /** Of the plugin, and of what converted with it, when it was measured. */
  readonly version: string
  readonly silane: string
  readonly core: string
  readonly onnxruntime: string
  /** By fixture, what it consisted of. */
  readonly made: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
}

export interface Compatibility {
  readonly schema: 1
  /** The least that each line must reach, as the conversions had it. */
  readonly gates: Readonly<Record<string, number>>
  /** By the plugin's id. */
  readonly families: Readonly<Record<string, Family>>
}

const json = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T

interface PluginPackage {
  readonly name: string
  readonly version: string
  readonly silane: { readonly id: string; readonly tasks: readonly string[] }
}

/** What a plugin's package.json says. */
export const packageOf = (plugin: string): PluginPackage => json(join(root, 'plugins', plugin, 'package.json'))

export const readTable = (): Compatibility => (existsSync(table) ? json(table) : { schema: 1, gates: {}, families: {} })

function versionsNow(): Pick<Family, 'silane' | 'core' | 'onnxruntime'> {
  const { resolve: find } = createRequire(join(root, 'packages/runtime/package.json'))
  const { version: onnxruntime } = json<{ version: string }>(find('onnxruntime-node/package.json'))
  return {
    silane: json<{ version: string }>(join(root, 'packages/silane/package.json')).version,
    core: json<{ version: string }>(join(root, 'packages/core/package.json')).version,
    onnxruntime,
  }
}

/** `total` is another comparison, with another gate, in fp32 than in fp16. */
export const precisionOf = (options: Options, target: string): string => (target === 'onnx' ? 'fp32' : String(options.precision ?? 'fp16'))

const rowOf = ({ fixture, task, target, options, gates }: Measured): Row => ({
  fixture: fixture.name,
  task: task ?? fixture.task,
  target,
  options,
  gates: Object.fromEntries(
    gates.flatMap(({ line, psnr }) => (psnr === 'none' ? [] : [[line, psnr === 'equal' ? psnr : Math.floor(psnr)]])),
  ),
})

/** The fixtures whose rows cannot be kept. */
export function staleFixtures(before: Compatibility, of: readonly Fixture[]): readonly Fixture[] {
  return of.filter(fixture => before.families[fixture.plugin]?.made[fixture.name] !== digestOf(fixture))
}

async function update(all: boolean): Promise<Compatibility> {
  const [before, of, now] = [readTable(), fixtures(), versionsNow()]
  const moved = (plugin: string) => {
    const family = before.families[plugin]
    return (
      family?.version !== packageOf(plugin).version ||
      Object.entries(now).some(([name, version]) => family[name as keyof typeof now] !== version)
    )
  }
  const stale = new Set(staleFixtures(before, of))
  // Fixtures of a plugin share what is converted besides (see `modelsOf`): a plugin is measured as a whole.
  const plugins = [...new Set(of.map(({ plugin }) => plugin))]
  const again = plugins.filter(plugin => all || moved(plugin) || of.some(fixture => fixture.plugin === plugin && stale.has(fixture)))
  const families: Record<string, Family> = {}
  const gates: Record<string, number> = { ...before.gates }
  for (const plugin of plugins) {
    const own = of.filter(fixture => fixture.plugin === plugin)
    const { name, version } = packageOf(plugin)
    const kept = before.families[plugin]
    const made = Object.fromEntries(own.map(fixture => [fixture.name, digestOf(fixture)]))
    if (!again.includes(plugin) && kept) {
      families[plugin] = { ...kept, made, rows: kept.rows.filter(({ fixture }) => fixture in made) }
      continue
    }
    const scratch = mkdtempSync(join(cache(), 'compatibility-'))
    try {
      const measured = await measure(own, scratch)
      for (const result of measured)
        for (const { line, gate } of result.gates)
          if (gate !== undefined) gates[`${line} ${precisionOf(result.options, result.target)}`] = gate
      families[plugin] = { package: name, version, ...now, made, rows: measured.filter(({ exit }) => exit === 0).map(rowOf) }
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  }
  return { schema: 1, gates: Object.fromEntries(Object.entries(gates).sort(([a], [b]) => (a < b ? -1 : 1))), families }
}

/** Inside the repository, so that the models' paths are short ones. */
function cache(): string {
  const folder = join(root, 'node_modules/.cache')
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Lengths and counts say little of a family, and every fixture has others. */
const kindOf = (options: Options): string =>
  Object.entries(options)
    .filter(([name, value]) => name !== 'precision' && typeof value !== 'number' && !(typeof value === 'string' && /^[\d,x]+$/.test(value)))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

const LINES = ['original', 'onnx', 'lowering', 'file', 'weights', 'arithmetic', 'total'] as const

const lower = (a: Decibels | undefined, b: Decibels): Decibels =>
  a === undefined || a === 'equal' ? b : b === 'equal' ? a : Math.min(a, b)

interface Line {
  readonly head: string
  readonly fixtures: Set<string>
  readonly lowest: Record<string, Decibels>
}

/** Rows of the page, in the order of tasks, options, targets: the lowest figures over the fixtures. */
function linesOf({ rows }: Family, tasks: readonly string[]): readonly Line[] {
  const lines = new Map<string, Line & { readonly order: string }>()
  for (const { fixture, task, target, options, gates } of rows) {
    const kind = kindOf(options)
    const form = target === 'onnx' ? 'onnx' : `${target} ${precisionOf(options, target)}`
    const head = `| ${task} | ${kind} | ${form} `
    const line = lines.get(head) ?? {
      head,
      fixtures: new Set<string>(),
      lowest: {},
      order: [String(tasks.indexOf(task)).padStart(3, '0'), kind, form].join('\0'),
    }
    line.fixtures.add(fixture)
    for (const [name, psnr] of Object.entries(gates)) line.lowest[name] = lower(line.lowest[name], psnr)
    lines.set(head, line)
  }
  return [...lines.values()].sort((a, b) => (a.order < b.order ? -1 : 1))
}

/** The gate of each line, as cells of a row. */
const gateCells = ({ gates }: Compatibility): readonly string[] =>
  LINES.map(line => {
    const [half, full] = [gates[`${line} fp16`], gates[`${line} fp32`]]
    return half === undefined && full === undefined
      ? ''
      : half === undefined || full === undefined || half === full
        ? `${half ?? full}`
        : `${half}, fp32 ${full}`
  })

/** The lines of a family's table: by task, options and target the lowest figures over the fixtures. */
function familyTable(id: string, family: Family): readonly string[] {
  return [
    `| task | options | target | fixtures | ${LINES.join(' | ')} |`,
    `|---|---|---|---:|${LINES.map(() => '---:').join('|')}|`,
    ...linesOf(family, packageOf(id).silane.tasks).map(
      ({ head, fixtures: seen, lowest }) => `${head}| ${seen.size} | ${LINES.map(line => lowest[line] ?? '').join(' | ')} |`,
    ),
  ]
}

/** The table of a plugin's README: its family's, with the gates below. */
export function pluginTable(id: string, measured: Compatibility): readonly string[] {
  const family = measured.families[id]
  return family ? [...familyTable(id, family), `| *gate* | | | | ${gateCells(measured).join(' | ')} |`] : []
}

/** The page of a table. */
export function renderPage(measured: Compatibility): string {
  const { families } = measured
  const parts = Object.entries(families).map(([id, family]) => {
    const { tasks } = packageOf(id).silane
    const missing = tasks.filter(task => !family.rows.some(row => row.task === task))
    return [
      `## ${id}`,
      '',
      `${family.package} ${family.version}, with silane ${family.silane}, core ${family.core}, onnxruntime ${family.onnxruntime}.${missing.length > 0 ? ` Without a fixture: ${missing.join(', ')}.` : ''}`,
      '',
      ...familyTable(id, family),
      '',
    ].join('\n')
  })
  return [
    '# Compatibility',
    '',
    'What every family converts into, by task, option and target, with the lowest PSNR in dB over the outputs of its fixtures, in whole dB. [What the lines mean](guides/read-the-report.md). `original` is the implementation that the checkpoint comes from; `equal` means not one bit differs. Options that are lengths and counts are left out here; [compatibility.json](compatibility.json) has them, a row for each fixture. A conversion that is not listed may work all the same: nobody has measured it.',
    '',
    'Generated: `node tools/repo/compatibility.ts` in the repository. The fixtures are tiny checkpoints with random weights, and all is run in onnxruntime on a CPU; the versions are those that were measured.',
    '',
    `| | ${LINES.join(' | ')} |`,
    `|---|${LINES.map(() => '---:').join('|')}|`,
    `| gate | ${gateCells(measured).join(' | ')} |`,
    '',
    ...parts,
  ].join('\n')
}

/** One row a line: a change shows as one. */
const text = ({ families, ...rest }: Compatibility): string => {
  const parts = Object.entries(families).map(([id, { rows, ...facts }]) => {
    const head = JSON.stringify(facts, undefined, 2).slice(0, -2)
    return `${JSON.stringify(id)}: ${head},\n  "rows": [\n${rows.map(row => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]\n}`
  })
  return `${JSON.stringify(rest, undefined, 2).slice(0, -2)},\n  "families": {\n${parts.join(',\n')}\n}\n}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { all: { type: 'boolean' }, page: { type: 'boolean' }, list: { type: 'string' } } })
  if (values.list !== undefined) await writeList(fixtures(), resolve(values.list))
  else {
    const updated = values.page ? readTable() : await update(values.all ?? false)
    writeFileSync(table, text(updated))
    writeFileSync(page, renderPage(updated))
    await writeReadmes()
  }
}
