// Converts every fixture of every plugin, in fp16 and in fp32, and prints the lowest PSNR of each line as a Markdown
// table: `node tools/repo/validation-table.ts`. A missed gate or a failed conversion ends it with 1.
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

async function measure(plugin: string, scratch: string): Promise<Row> {
  const fixtures = join(root, 'plugins', plugin, 'fixtures')
  const row: Row = { conversions: 0, lowest: {} }
  const cases = existsSync(fixtures) ? readdirSync(fixtures).filter(name => existsSync(join(fixtures, name, 'case.json'))) : []
  for (const name of cases.sort()) {
    const { task, convert: flags = [] } = JSON.parse(readFileSync(join(fixtures, name, 'case.json'), 'utf8')) as {
      task: string
      convert?: string[]
    }
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

const scratch = mkdtempSync(join(tmpdir(), 'silane-table-'))
try {
  console.log(`| plugin | conversions | ${Object.values(columns).join(' | ')} |`)
  console.log(
    `|---|---:|${Object.keys(columns)
      .map(() => '---:')
      .join('|')}|`,
  )
  for (const plugin of readdirSync(join(root, 'plugins')).sort()) {
    const { conversions, lowest } = await measure(plugin, scratch)
    if (conversions > 0)
      console.log(
        `| ${plugin} | ${conversions} | ${Object.keys(columns)
          .map(column => cell(lowest[column]))
          .join(' | ')} |`,
      )
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
