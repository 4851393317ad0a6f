import { runtimeAdvice } from '@silane/runtime'
import { type BenchmarkOptions, benchmark, type FunctionBenchmark } from '../benchmark.ts'
import { formatBytes } from '../format-bytes.ts'
import { formatTable } from './format.ts'
import { progressLine } from './progress-line.ts'
import { terminal } from './terminal.ts'

/** `silane benchmark`. */
export async function benchmarkCommand(
  folder: string,
  flags: Pick<BenchmarkOptions, 'runs'> & { readonly json?: boolean; readonly plugin?: readonly string[] },
  signal: AbortSignal,
): Promise<number> {
  const line = progressLine()
  try {
    const result = await benchmark({ folder, runs: flags.runs, plugins: flags.plugin, signal, onProgress: line.show })
    line.clear()
    if (flags.json) {
      terminal.document(result)
      return 0
    }
    for (const table of [timeTable, decoderTable, graphTable]) {
      const text = table(result.functions)
      if (text !== undefined) terminal.result(`${text}\n`)
    }
    const own = Object.entries(result.own).map(([name, value]) => [name, String(value)])
    if (own.length > 0) terminal.result(`${formatTable(['measured by the plugin', ''], own, process.stdout)}\n`)
    const { name, version } = result.runtime
    terminal.result(`Times are of ${name} ${version} on this machine's CPU; ops, MACs and weights are the package's.`)
    const advice = await runtimeAdvice()
    if (advice !== undefined) terminal.note(`note: ${advice}`)
    return 0
  } finally {
    line.clear()
  }
}

const timeTable = (results: readonly FunctionBenchmark[]): string => {
  const rows = results.map(({ program, function: name, ran, latency, gigaMacs, analysis }) => [
    `${program}/${name}`,
    ran,
    latency.median.toFixed(2),
    latency.p10.toFixed(2),
    latency.p90.toFixed(2),
    String(latency.runs),
    gigaMacs?.toFixed(1) ?? '',
    analysis ? analysis.macs.toLocaleString('en') : '',
    analysis ? formatBytes(analysis.constantBytes) : '',
  ])
  return formatTable(['function', 'ran', 'ms', 'p10', 'p90', 'runs', 'GMAC/s', 'MACs', 'weights'], rows, process.stdout)
}

/** Undefined where nothing has a cache. */
function decoderTable(results: readonly FunctionBenchmark[]): string | undefined {
  const rows = results.flatMap(({ program, function: name, latency, decoder }) => {
    if (!decoder) return []
    const { tokens, tokensPerSecond, context, cacheBytesPerToken } = decoder
    const perToken = (latency.median / tokens).toFixed(3)
    return [[`${program}/${name}`, String(tokens), perToken, tokensPerSecond.toFixed(0), String(context), formatBytes(cacheBytesPerToken)]]
  })
  const head = ['function', 'tokens', 'ms/token', 'tokens/s', 'cache slots', 'cache per token']
  return rows.length > 0 ? formatTable(head, rows, process.stdout) : undefined
}

/** What the Neural Engine gets; undefined without packages. */
function graphTable(results: readonly FunctionBenchmark[]): string | undefined {
  const rows = results.flatMap(({ program, function: name, analysis }) => {
    if (!analysis) return []
    const { ops, convs, reshapes, transposes, gathers, softmaxAxes, maxRank, overCap } = analysis
    const softmax = Object.entries(softmaxAxes).map(([axis, count]) => `${count} × ${axis}`)
    const counts = [ops, convs, reshapes, transposes, gathers, maxRank, overCap.inside.length].map(String)
    return [[`${program}/${name}`, ...counts, softmax.join(', ')]]
  })
  const head = ['function', 'ops', 'convs', 'reshapes', 'transposes', 'gathers', 'max rank', 'axes over cap', 'softmax']
  return rows.length > 0 ? formatTable(head, rows, process.stdout) : undefined
}
