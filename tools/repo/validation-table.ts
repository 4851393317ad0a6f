// Converts every fixture of every plugin, in fp16 and in fp32, and prints the lowest PSNR of each line as a Markdown
// table: `node tools/repo/validation-table.ts`; with the name of a plugin, a row for each of its fixtures. A missed gate or a
// failed conversion ends it with 1. By task, option and target: compatibility.ts.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fixtures, type Measured, measure, root } from './fixtures.ts'

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

function cells(measured: readonly Measured[]): string {
  const lowest: Record<string, number> = {}
  for (const { gates, options, target } of measured) {
    for (const { line, psnr } of gates) {
      if (psnr === 'none') continue
      const column = line === 'total' && target === 'coreml' && options.precision === 'fp32' ? 'exact' : line
      lowest[column] = Math.min(lowest[column] ?? Number.POSITIVE_INFINITY, psnr === 'equal' ? Number.POSITIVE_INFINITY : psnr)
    }
  }
  return Object.keys(columns)
    .map(column => cell(lowest[column]))
    .join(' | ')
}

const cell = (psnr: number | undefined): string =>
  psnr === undefined ? '' : psnr === Number.POSITIVE_INFINITY ? 'equal' : `${psnr.toFixed(1)}`

const [only] = process.argv.slice(2)
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const all = fixtures()
const plugins = [...new Set(all.map(({ plugin }) => plugin))].filter(plugin => only === undefined || plugin === only)
console.log(`| ${only === undefined ? 'plugin' : 'fixture'} | conversions | ${Object.values(columns).join(' | ')} |`)
console.log(
  `|---|---:|${Object.keys(columns)
    .map(() => '---:')
    .join('|')}|`,
)
for (const plugin of plugins) {
  const own = all.filter(fixture => fixture.plugin === plugin)
  const scratch = mkdtempSync(join(cache, 'validation-'))
  try {
    const measured = await measure(own, scratch, { states: false })
    const rows =
      only === undefined
        ? [{ name: plugin, of: measured }]
        : own.map(({ name }) => ({ name, of: measured.filter(each => each.fixture.name === name) }))
    // A precision is one conversion, whatever it writes.
    for (const { name, of } of rows) console.log(`| ${name} | ${of.filter(({ target }) => target === 'coreml').length} | ${cells(of)} |`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
