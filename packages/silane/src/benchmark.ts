import { resolve } from 'node:path'
import { type Graph, sizeOf } from '@silane/core'
import { readPackage } from '@silane/coreml'
import { createRuntime, describeRuntime, type OnnxRuntime, type RuntimeFacts, type Timing, timeSession } from '@silane/runtime'
import { analyzeGraph, type GraphAnalysis } from './analyze-graph.ts'
import type { ModelOptions } from './convert/convert-options.ts'
import { folderProgram } from './folder-program.ts'
import { checkFed, type DeployedFunction, type Manifest, packageOf, readManifest } from './manifest.ts'
import { discoverPlugins } from './plugins/discover-plugins.ts'
import { loadPlugin } from './plugins/load-plugin.ts'
import { sampleInputs } from './validate/sample-inputs.ts'

export interface BenchmarkOptions extends Pick<ModelOptions, 'cwd' | 'plugins' | 'signal' | 'onProgress'> {
  /** A folder that `convert` wrote. */
  readonly folder: string
  /** Runs of each function, at least. Default: 10. */
  readonly runs?: number | undefined
}

export interface BenchmarkResult {
  readonly functions: readonly FunctionBenchmark[]
  /** What the plugin measures besides, where it is installed and measures anything. */
  readonly own: Readonly<Record<string, number>>
  /** The build of onnxruntime that was timed. */
  readonly runtime: RuntimeFacts
}

export interface FunctionBenchmark {
  readonly program: string
  readonly function: string
  /** What was run, in onnxruntime on this machine's CPU: the ONNX file, or the package where there is none. */
  readonly ran: string
  /** Milliseconds per call. */
  readonly latency: Timing
  /** Multiply-accumulates per second in billions, at the median. */
  readonly gigaMacs: number | undefined
  /** Of the package: what the Neural Engine gets. */
  readonly analysis: GraphAnalysis | undefined
  /** Of the functions of a decoder with a cache. */
  readonly decoder: DecoderFacts | undefined
}

export interface DecoderFacts {
  /** Tokens that a call reads. */
  readonly tokens: number
  /** Tokens per second, at the median. */
  readonly tokensPerSecond: number
  /** Slots of the cache. */
  readonly context: number
  /** Bytes of cache that a token takes, keys and values of all layers, as deployed. */
  readonly cacheBytesPerToken: number
}

/** Times every function of a converted folder. Latencies of the Neural Engine need a Mac; these are of this machine's CPU. */
export async function benchmark(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const folder = resolve(options.cwd ?? '.', options.folder)
  const runtime = createRuntime({ foreign: true })
  const results: FunctionBenchmark[] = []
  const manifest = readManifest(folder)
  checkFed(manifest, folder)
  for (const program of manifest.programs) {
    for (const fn of program.functions) {
      options.signal?.throwIfAborted()
      options.onProgress?.({ step: `time ${program.name}/${fn.name}` })
      const path = packageOf(program, fn)?.path
      const graph = path === undefined ? undefined : await packagedFunction(folderProgram(folder, path, 'package'), fn)
      const ran = fn.onnx?.path ?? path
      if (ran === undefined) continue
      const session = await open(runtime, folder, fn, graph)
      if (!session) continue
      try {
        session.check(Object.fromEntries([...fn.inputs, ...fn.states].map(port => [port.name, port])))
        const latency = await timeSession(session, sampleInputs(fn, 1)[0] ?? {}, { runs: options.runs ?? 10 })
        const analysis = graph && analyzeGraph(graph)
        const gigaMacs = analysis && analysis.macs / latency.median / 1e6
        results.push({ program: program.name, function: fn.name, ran, latency, gigaMacs, analysis, decoder: decoderFacts(fn, latency) })
      } finally {
        await session.close()
      }
    }
  }
  const own = await ownFigures(folder, manifest, runtime, options)
  return { functions: results, own, runtime: await describeRuntime() }
}

/** The package that converted the folder is told by name; where it is not installed, nothing of its own is measured. A folder is data: its code is not run. */
async function ownFigures(folder: string, manifest: Manifest, runtime: OnnxRuntime, { plugins, cwd, onProgress }: BenchmarkOptions) {
  const found = discoverPlugins({ explicit: plugins, cwd, checkpoint: folder }).plugins.find(
    plugin => plugin.package === manifest.plugin.package,
  )
  const contract = found && (await loadPlugin(found))
  if (!contract?.benchmark) return {}
  onProgress?.({ step: `measurements of ${manifest.plugin.package}` })
  const functions = manifest.programs.flatMap(program =>
    program.functions.map(fn => ({
      program: program.name,
      name: fn.name,
      open: async () => {
        const path = packageOf(program, fn)?.path
        const graph = fn.onnx || path === undefined ? undefined : await packagedFunction(folderProgram(folder, path, 'package'), fn)
        const session = await open(runtime, folder, fn, graph)
        if (!session) throw new TypeError(`${program.name}/${fn.name} has neither an ONNX file nor a package`)
        return session
      },
    })),
  )
  return contract.benchmark({ pipeline: manifest.pipeline, options: manifest.options, functions })
}

const open = (runtime: OnnxRuntime, folder: string, { onnx }: DeployedFunction, graph: Graph | undefined) =>
  onnx ? runtime.openFile(folderProgram(folder, onnx.path, 'onnx')) : graph && runtime.open(graph)

async function packagedFunction(path: string, { name }: DeployedFunction): Promise<Graph | undefined> {
  const { functions } = await readPackage(path)
  return functions.find(graph => graph.name === name) ?? functions[0]
}

const elementBytes: Readonly<Record<string, number>> = { float16: 2, float32: 4 }

/** Undefined for a function without a cache. */
function decoderFacts({ inputs, states }: DeployedFunction, { median }: Timing): DecoderFacts | undefined {
  const found = [...inputs, ...states].filter(({ role }) => role === 'cache')
  const tokens = inputs.find(({ role }) => role === 'positions')?.shape[1]
  const context = found[0]?.shape[3]
  if (tokens === undefined || context === undefined) return undefined
  const bytes = found.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * (elementBytes[dtype] ?? 4), 0)
  return { tokens, tokensPerSecond: (1000 * tokens) / median, context, cacheBytesPerToken: bytes / context }
}
