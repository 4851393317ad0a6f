// Converts every fixture of every plugin, in fp16 and in fp32, and prints as JSON what came out: dB as measured, op counts of
// the Core ML form and of the ONNX files. `node tools/repo/figures.ts --out FILE` keeps them, `--against FILE` compares them
// with those kept earlier and ends with 1 where outputs got worse: the median of all per-op fp16 figures, or one by over 3 dB.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readOnnxSummary } from '../../packages/onnx/src/index.ts'
import { convert, parseModelFlags } from '../../packages/silane/src/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What an output may lose against earlier figures: half the rounding errors of a path that was summed in another order. */
const MOST_LOST = 3

/** The comparison of the package, every op rounded to fp16, with the source: as it is called now and as it was before. */
const PER_OP = ['total', 'package (fp16 rounding) vs source', 'package (fp16 rounding) vs golden']

/** Infinity and NaN as JSON has them. */
type Decibels = number | 'equal' | 'not finite'

interface AneCounts {
  readonly ops: number
  readonly convs: number
  readonly reshapes: number
  readonly transposes: number
  readonly gathers: number
  readonly softmaxAxes: Readonly<Record<string, number>>
}

interface Conversion {
  readonly seconds: number
  /** By output, then by comparison. */
  readonly decibels: Readonly<Record<string, Readonly<Record<string, Decibels>>>>
  /** By program and function. */
  readonly coreml: Readonly<Record<string, AneCounts>>
  /** Nodes by operator, by file. */
  readonly onnx: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** By plugin, fixture and precision. */
type Figures = Readonly<Record<string, Conversion>>

const inWords = (psnr: number): Decibels => (psnr === Number.POSITIVE_INFINITY ? 'equal' : Number.isFinite(psnr) ? psnr : 'not finite')

async function measure(plugin: string, fixture: string, flags: readonly string[], out: string): Promise<Conversion> {
  const start = performance.now()
  const { comparisons, report } = await convert({
    ...parseModelFlags(join(root, 'plugins', plugin, 'fixtures', fixture), flags),
    plugins: [join(root, 'plugins', plugin)],
    out,
  })
  const seconds = (performance.now() - start) / 1000
  const decibels: Record<string, Record<string, Decibels>> = {}
  for (const comparison of comparisons) {
    const { line, stage }: { readonly line?: string; readonly stage?: string } = comparison
    const key = `${comparison.program}.${comparison.function}.${comparison.output}`
    decibels[key] = { ...decibels[key], [line ?? stage ?? '']: inWords(comparison.psnr) }
  }
  const coreml = report.functions.flatMap(({ program, function: name, ...looked }) => {
    if (looked.target !== 'coreml') return []
    const { ops, convs, reshapes, transposes, gathers, softmaxAxes } = looked.analysis
    return [[`${program}.${name}`, { ops, convs, reshapes, transposes, gathers, softmaxAxes }] as const]
  })
  const folder = join(out, 'onnx')
  const files = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.onnx')) : []
  const onnx = files.sort().map(name => [name, readOnnxSummary(join(folder, name)).ops] as const)
  return { seconds, decibels, coreml: Object.fromEntries(coreml), onnx: Object.fromEntries(onnx) }
}

async function measureAll(): Promise<Figures> {
  const figures: Record<string, Conversion> = {}
  const scratch = mkdtempSync(join(tmpdir(), 'silane-figures-'))
  try {
    for (const plugin of readdirSync(join(root, 'plugins')).sort()) {
      const fixtures = join(root, 'plugins', plugin, 'fixtures')
      const names = existsSync(fixtures) ? readdirSync(fixtures).filter(name => existsSync(join(fixtures, name, 'case.json'))) : []
      for (const name of names.sort()) {
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
        // States are fp16 in Core ML.
        for (const precision of flags.includes('state') ? ['fp16'] : ['fp16', 'fp32']) {
          const out = join(scratch, `${plugin}-${name}-${precision}`)
          figures[`${plugin}/${name} ${precision}`] = await measure(plugin, name, ['--task', task, ...flags, '--precision', precision], out)
          rmSync(out, { recursive: true })
        }
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return figures
}

const perOp = (found: Readonly<Record<string, Decibels>> | undefined): Decibels | undefined =>
  PER_OP.map(name => found?.[name]).find(psnr => psnr !== undefined)

const asNumber = (psnr: Decibels): number =>
  psnr === 'equal' ? Number.POSITIVE_INFINITY : psnr === 'not finite' ? Number.NEGATIVE_INFINITY : psnr

/** Equal to equal is no change, though ∞ − ∞ is none. */
const change = (before: Decibels, now: Decibels): number => (before === now ? 0 : asNumber(now) - asNumber(before))

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2
}

const total = (counts: Readonly<Record<string, Readonly<Record<string, number>>>>): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const file of Object.values(counts)) for (const [kind, count] of Object.entries(file)) sums[kind] = (sums[kind] ?? 0) + count
  return sums
}

const countsOf = ({ softmaxAxes, ...counts }: AneCounts): Record<string, number> => ({
  ...counts,
  ...Object.fromEntries(Object.entries(softmaxAxes).map(([axis, count]) => [`softmax ${axis}`, count])),
})

/** What is in either record and not the same, as `ops 40 → 36`. */
function differences(before: Readonly<Record<string, number>>, now: Readonly<Record<string, number>>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter(kind => (before[kind] ?? 0) !== (now[kind] ?? 0))
    .map(kind => `${kind} ${before[kind] ?? 0} → ${now[kind] ?? 0}`)
}

/** Prints what changed and tells whether the figures hold. */
function compare(before: Figures, now: Figures): boolean {
  const changes: { readonly where: string; readonly before: Decibels; readonly now: Decibels; readonly change: number }[] = []
  const missing: string[] = []
  for (const [conversion, { decibels }] of Object.entries(before)) {
    for (const [output, found] of Object.entries(decibels)) {
      const [earlier, later] = [perOp(found), perOp(now[conversion]?.decibels[output])]
      if (earlier === undefined) continue
      const where = `${conversion} ${output}`
      if (later === undefined) missing.push(where)
      else changes.push({ where, before: earlier, now: later, change: change(earlier, later) })
    }
  }
  changes.sort((a, b) => a.change - b.change)
  const middle = median(changes.map(entry => entry.change))
  const lost = changes.filter(entry => entry.change < -MOST_LOST)
  console.log(`per-op fp16, ${changes.length} outputs: median change ${middle.toFixed(2)} dB`)
  for (const entry of changes.slice(0, Math.max(5, lost.length))) {
    console.log(`  ${entry.change.toFixed(2)} dB: ${entry.where}, ${asNumber(entry.before).toFixed(1)} → ${asNumber(entry.now).toFixed(1)}`)
  }
  for (const where of missing) console.log(`  no figure any more: ${where}`)

  console.log('Core ML form, what changed:')
  for (const [conversion, { coreml }] of Object.entries(before)) {
    for (const [name, counts] of Object.entries(coreml)) {
      const later = now[conversion]?.coreml[name]
      const changed = later ? differences(countsOf(counts), countsOf(later)) : ['gone']
      if (changed.length > 0) console.log(`  ${conversion} ${name}: ${changed.join(', ')}`)
    }
  }
  // Fixtures that are new would look like nodes that came.
  const both = Object.fromEntries(Object.entries(now).filter(([conversion]) => conversion in before))
  console.log('ONNX files, nodes of all:')
  const sums = (figures: Figures) => total(Object.fromEntries(Object.entries(figures).map(([key, { onnx }]) => [key, total(onnx)])))
  console.log(`  ${differences(sums(before), sums(both)).join(', ') || 'as before'}`)
  const time = (figures: Figures) =>
    Object.values(figures)
      .reduce((sum, { seconds }) => sum + seconds, 0)
      .toFixed(1)
  console.log(`Seconds of all conversions: ${time(before)} → ${time(both)}`)
  return middle >= 0 && lost.length === 0 && missing.length === 0
}

const { values } = parseArgs({ options: { out: { type: 'string' }, against: { type: 'string' } } })
const figures = await measureAll()
const json = `${JSON.stringify(figures, undefined, 1)}\n`
if (values.out !== undefined) writeFileSync(values.out, json)
if (values.against !== undefined) {
  if (!compare(JSON.parse(readFileSync(values.against, 'utf8')) as Figures, figures)) process.exitCode = 1
} else if (values.out === undefined) process.stdout.write(json)
