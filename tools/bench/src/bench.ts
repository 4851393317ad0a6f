import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeCheckpoint } from './make-checkpoint.ts'
import { type Measured, measure } from './measure.ts'

/**
 * Conversion side by side with coremltools and with a bare loop over the same bytes, all in one run:
 *
 *     node tools/bench/src/bench.ts [MODEL …] [--runs 3] [--seq 128] [--python PYTHON | --no-baseline]
 *
 * The checkpoints, of published sizes with random weights, and coremltools' Python environment (about 5 GB) are made in
 * node_modules/.cache/bench. Files are in the page cache when the clock starts.
 */
const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..', '..')
const cache = join(root, 'node_modules', '.cache', 'bench')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    seq: { type: 'string', default: '128' },
    python: { type: 'string' },
    'no-baseline': { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
const models = positionals.length > 0 ? positionals : ['bert-base']
mkdirSync(cache, { recursive: true })

/** A Python with coremltools, made when there is none. */
function python(): string {
  const made = join(cache, 'python')
  const binary = values.python ?? join(made, 'bin', 'python')
  if (!existsSync(binary)) {
    console.error('making a Python environment with coremltools …')
    const steps = [
      ['python3', '-m', 'venv', made],
      [join(made, 'bin', 'pip'), 'install', '-q', '-r', join(here, '..', 'requirements.txt')],
    ] as const
    for (const [command, ...args] of steps) {
      if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) throw new Error(`${command} failed`)
    }
  }
  return binary
}

const best = (all: readonly Measured[]): Measured => all.reduce((a, b) => (b.seconds < a.seconds ? b : a))
const megabytes = (bytes: number | undefined) => (bytes === undefined ? '?' : `${Math.round(bytes / 1e6)} MB`)

function row(label: string, measured: Measured, against?: Measured): void {
  const ratio = against ? `${(against.seconds / measured.seconds).toFixed(1)}×` : ''
  console.log(`  ${label.padEnd(38)} ${measured.seconds.toFixed(2).padStart(7)} s  ${megabytes(measured.peakBytes).padStart(8)}  ${ratio}`)
}

for (const model of models) {
  const checkpoint = makeCheckpoint(model, cache)
  const weights = join(checkpoint, 'model.safetensors')
  const silane = join(root, 'node_modules', '.bin', 'silane')
  const decoder = model.startsWith('gpt2')
  const lengths = decoder ? [] : ['--seq', values.seq]
  const convert = (...more: string[]) => {
    const out = join(cache, 'out')
    rmSync(out, { recursive: true, force: true })
    return measure(silane, ['convert', checkpoint, '--target', 'coreml', '--out', out, ...lengths, ...more])
  }
  const several = (run: () => Measured): Measured => best(Array.from({ length: runs }, run))
  console.log(`${model}, best of ${runs}: wall clock and peak memory of the whole process`)
  const bare = several(() => measure(process.execPath, [join(here, 'bare-loop.ts'), weights, join(cache, 'bare.bin')]))
  const own = several(() => convert('--no-validate'))
  const validated = convert()
  const baseline =
    values['no-baseline'] || !model.startsWith('bert')
      ? undefined
      : several(() => measure(python(), [join(here, 'coremltools_baseline.py'), checkpoint, join(cache, 'baseline.mlpackage'), values.seq]))
  row('bare loop: read, hash, cast, write', bare)
  row('silane convert --no-validate', own)
  row('silane convert, with validation', validated)
  if (baseline) row('coremltools: load, trace, convert, save', baseline)
  console.log(
    `  silane takes ${(own.seconds / bare.seconds).toFixed(1)}× the bare loop${baseline ? `; coremltools ${(baseline.seconds / own.seconds).toFixed(1)}× silane` : ''}`,
  )
}
