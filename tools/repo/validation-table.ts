// Converts every fixture of every plugin, in fp16 and in fp32, and prints the lowest PSNR of each line as a Markdown
// table: `node tools/repo/validation-table.ts`; with the name of a plugin, a row for each of its fixtures. A missed gate or a
// failed conversion ends it with 1.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convert, parseModelFlags } from '../../packages/silane/src/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Row {
  conversions: number
  readonly lowest: Record<string, number>
}

/** The lines of docs/guides/read-the-report.md; what fp32 adds to them is a column of its own. */
const columns = {
  original: 'original',
  onnx: 'onnx',
  lowering: 'lowering',
  file: 'file',
  exact: 'total in fp32',
  weights: 'weights',
  arithmetic: 'arithmetic',
  total: 'total',
} as const

const fixturesOf = (plugin: string): string[] => {
  const folder = join(root, 'plugins', plugin, 'fixtures')
  return existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .filter(name => existsSync(join(folder, name, 'case.json')))
    : []
}

async function measure(plugin: string, names: readonly string[], scratch: string): Promise<Row> {
  const fixtures = join(root, 'plugins', plugin, 'fixtures')
  const row: Row = { conversions: 0, lowest: {} }
  for (const name of names) {
    const {
      task,
      convert: flags = [],
      expect,
    } = JSON.parse(readFileSync(join(fixtures, name, 'case.json'), 'utf8')) as {
      task: string
      convert?: string[]
      expect?: object
    }
    // It is there to be refused.
    if (expect) continue
    const options = parseModelFlags(join(fixtures, name), ['--task', task, ...flags])
    for (const precision of flags.includes('state') ? (['fp16'] as const) : (['fp16', 'fp32'] as const)) {
      const { comparisons } = await convert({
        ...options,
        precision,
        plugins: [join(root, 'plugins', plugin)],
        out: join(scratch, `${plugin}-${name}-${precision}`),
      })
      row.conversions++
      for (const { line, actual, expected, psnr, ok, program, output } of comparisons) {
        if (!ok) {
          console.error(`${plugin}/${name} ${precision}: ${program}.${output}, ${line} (${actual} vs ${expected}): ${psnr} dB`)
          process.exitCode = 1
        }
        const column = precision === 'fp32' && line === 'total' ? 'exact' : line
        row.lowest[column] = Math.min(row.lowest[column] ?? Number.POSITIVE_INFINITY, psnr)
      }
    }
  }
  return row
}

const cell = (psnr: number | undefined): string =>
  psnr === undefined ? '' : psnr === Number.POSITIVE_INFINITY ? 'equal' : `${psnr.toFixed(1)}`

const print = (name: string, { conversions, lowest }: Row): void =>
  console.log(
    `| ${name} | ${conversions} | ${Object.keys(columns)
      .map(column => cell(lowest[column]))
      .join(' | ')} |`,
  )

const [only] = process.argv.slice(2)
const scratch = mkdtempSync(join(tmpdir(), 'silane-table-'))
try {
  console.log(`| ${only === undefined ? 'plugin' : 'fixture'} | conversions | ${Object.values(columns).join(' | ')} |`)
  console.log(
    `|---|---:|${Object.keys(columns)
      .map(() => '---:')
      .join('|')}|`,
  )
  if (only !== undefined) for (const name of fixturesOf(only)) print(name, await measure(only, [name], scratch))
  else
    for (const plugin of readdirSync(join(root, 'plugins')).sort()) {
      const names = fixturesOf(plugin)
      if (names.length > 0) print(plugin, await measure(plugin, names, scratch))
    }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
