import { type BenchmarkOptions, benchmark } from '../benchmark.ts'
import { formatBytes, formatTable } from './format.ts'
import { progressLine } from './progress-line.ts'

/** `silane benchmark`. */
export async function benchmarkCommand(
  folder: string,
  flags: Pick<BenchmarkOptions, 'runs'> & { readonly json?: boolean },
  signal: AbortSignal,
): Promise<number> {
  const line = progressLine()
  try {
    const results = await benchmark({ folder, runs: flags.runs, signal, onProgress: line.show })
    line.clear()
    if (flags.json) {
      console.log(JSON.stringify(results, undefined, 2))
      return 0
    }
    const rows = results.map(({ program, function: name, ran, latency, gigaMacs, analysis }) => [
      program,
      name,
      ran,
      latency.median.toFixed(2),
      latency.p10.toFixed(2),
      latency.p90.toFixed(2),
      String(latency.runs),
      gigaMacs?.toFixed(1) ?? '',
      analysis ? String(analysis.ops) : '',
      analysis ? analysis.macs.toLocaleString('en') : '',
      analysis ? formatBytes(analysis.constantBytes) : '',
    ])
    const head = ['program', 'function', 'ran', 'ms', 'p10', 'p90', 'runs', 'GMAC/s', 'ops', 'MACs', 'weights']
    console.log(formatTable(head, rows, process.stdout))
    console.log("\nTimes are of onnxruntime on this machine's CPU; ops, MACs and weights are the package's.")
    return 0
  } finally {
    line.clear()
  }
}
