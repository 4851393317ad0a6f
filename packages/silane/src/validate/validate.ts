import { resolve } from 'node:path'
import type { Comparison, Coverage, OptionValue } from '@silane/core'
import type { ModelOptions } from '../convert/convert-options.ts'
import { hashFiles } from '../convert/hash-files.ts'
import { planDeployment } from '../convert/plan-deployment.ts'
import { findPlugin, loadModel, openModel } from '../convert/prepare-model.ts'
import { resolveSettings } from '../convert/resolve-settings.ts'
import { rewriteProgram } from '../convert/rewrite-program.ts'
import { type GivenSettings, settings } from '../convert/settings.ts'
import { stopwatch } from '../convert/stopwatch.ts'
import { errors } from '../errors.ts'
import { type Manifest, packageOf, readManifest } from '../manifest.ts'
import { findCheckpoint } from './find-checkpoint.ts'
import { chooseGates } from './gates.ts'
import { requireGoldens } from './goldens.ts'
import type { StageFiles } from './open-stages.ts'
import { goldensOf } from './validate-conversion.ts'
import { type StagesReport, validateStages } from './validate-stages.ts'

export interface ValidateOptions
  extends Pick<ModelOptions, 'plugins' | 'subfolder' | 'offline' | 'token' | 'cacheDir' | 'cwd' | 'signal' | 'onProgress' | 'onNote'> {
  /** A folder that `convert` wrote. */
  readonly folder: string
  /**
   * The checkpoint it was made from. Default: the id and revision that it records, where that is on the hub; else, without golden outputs,
   * the folder in or beside the working directory or the converted folder whose files have the recorded sha256.
   */
  readonly model?: string | undefined
  /** Golden outputs, a file or folder. Default: the checkpoint's own. */
  readonly golden?: string | undefined
}

export interface ValidateResult {
  readonly ok: boolean
  readonly comparisons: readonly Comparison[]
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
  readonly coverage: readonly Coverage[]
  /** How far each layer's end is from the same in fp32. */
  readonly losses: StagesReport['losses']
  /** The build of onnxruntime that everything ran in. */
  readonly runtime: StagesReport['runtime']
  readonly seconds: number
  readonly peakBytes: number
}

/** Validates a converted folder again: against its checkpoint, golden outputs, or both. */
export async function validate(options: ValidateOptions): Promise<ValidateResult> {
  const start = performance.now()
  const folder = resolve(options.cwd ?? '.', options.folder)
  const manifest = readManifest(folder)
  const { id, revision, subfolder } = manifest.model
  const onHub = revision !== null && options.model === undefined
  const found =
    onHub || options.model !== undefined || options.golden !== undefined ? undefined : await findCheckpoint(folder, manifest, options)
  const model = options.model ?? (onHub ? `${id}@${revision}` : found)
  const report =
    model === undefined
      ? await againstGoldens(folder, manifest, options)
      : await againstCheckpoint(folder, manifest, model, onHub ? { ...options, subfolder } : options)
  const taken = found === undefined ? [] : [`compared with ${found}, whose files have the sha256 that silane.json records`]
  return {
    ...report,
    notes: [...taken, ...report.notes],
    seconds: (performance.now() - start) / 1000,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }
}

function againstGoldens(folder: string, manifest: Manifest, { golden, signal, onProgress }: ValidateOptions) {
  if (golden === undefined)
    throw errors.E_USAGE({
      problem: `${folder} was converted from the local folder "${manifest.model.id}", and there is no folder nearby whose files have the recorded sha256.`,
      next: 'Say where the checkpoint is with --model, or give golden outputs with --golden.',
    })
  const gates = chooseGates({ ...resolveSettings(settingsOf(manifest)), hasSource: false })
  return validateStages({
    folder,
    runtime: { foreign: true },
    functions: filesOf(manifest),
    source: undefined,
    steps: manifest.pipeline.steps,
    programs: manifest.programs,
    goldens: requireGoldens(golden, manifest.programs),
    golden,
    gates,
    signal,
    onProgress,
  })
}

async function againstCheckpoint(folder: string, manifest: Manifest, model: string, options: ValidateOptions) {
  const { golden, signal, onProgress } = options
  const shape = modelOptions(manifest, model, options)
  const step = stopwatch(options)
  const checkpoint = await step('open checkpoint', () => openModel(shape))
  try {
    const { plugin, contract } = await step('find plugin', () => findPlugin(checkpoint, shape))
    // What the manifest records beside the settings are the plugin's options.
    const own = Object.entries(manifest.options).filter(([name]) => Object.hasOwn(contract.options ?? {}, name))
    const withOwn = { ...shape, options: Object.fromEntries(own) as Readonly<Record<string, OptionValue>> }
    const resolved = resolveSettings(withOwn)
    const model = await step('load', () => loadModel(checkpoint, { plugin, contract }, withOwn))
    const graphs = await step('rewrite', () => {
      const functions = planDeployment(model, resolved).programs.flatMap(program => {
        const { targets, exact } = rewriteProgram(program, contract, resolved)
        return program.functions.map(({ name, source }) => {
          const written = { coreml: targets.coreml.get(name), exact: exact.get(name), onnx: targets.onnx.get(name) }
          return [`${program.name}/${name}`, { source, written }] as const
        })
      })
      return new Map(functions)
    })
    const report = await validateStages({
      folder,
      runtime: { foreign: true },
      functions: filesOf(manifest).map(fn => ({ ...fn, ...graphs.get(`${fn.program}/${fn.name}`) })),
      source: { model, contract },
      steps: manifest.pipeline.steps,
      programs: manifest.programs,
      ...(golden === undefined ? goldensOf(checkpoint, manifest.programs) : { goldens: requireGoldens(golden, manifest.programs) }),
      golden,
      gates: chooseGates({ ...resolved, hasSource: true }),
      signal,
      onProgress,
    })
    const changed = await step('hash checkpoint', () => changedFiles(manifest, checkpoint.used(), checkpoint.path, signal))
    checkpoint.checkUnchanged()
    return { ...report, notes: [...report.notes, ...changed.map(file => `${file} is not the file that was converted: its sha256 differs`)] }
  } finally {
    checkpoint.close()
  }
}

const filesOf = (manifest: Manifest): StageFiles[] =>
  manifest.programs.flatMap(program =>
    program.functions.map(fn => {
      const path = packageOf(program, fn)?.path
      const shared = fn.coreml === undefined && program.functions.length > 1
      return {
        program: program.name,
        name: fn.name,
        ports: fn,
        source: undefined,
        written: {},
        coreml: path === undefined ? undefined : { path, function: shared ? fn.name : 'main' },
        // Who knows what became of the file since: it is run whatever graph it was written from.
        onnx: fn.onnx && { path: fn.onnx.path, holdsSource: false },
      }
    }),
  )

async function changedFiles(
  manifest: Manifest,
  files: readonly string[],
  pathOf: (name: string) => string,
  signal: AbortSignal | undefined,
) {
  const hashes = await hashFiles(files, pathOf, signal)
  const recorded = new Map(manifest.model.files.map(({ path, sha256 }) => [path, sha256]))
  return hashes.filter(({ path, sha256 }) => recorded.has(path) && recorded.get(path) !== sha256).map(({ path }) => path)
}

/** The settings of the conversion, out of its manifest. Checked when they are resolved. */
const settingsOf = ({ options }: Manifest): GivenSettings =>
  Object.fromEntries(Object.entries(settings).map(([field, { flag }]) => [field, options[flag]])) as GivenSettings

/** The options of the conversion, out of its manifest. */
function modelOptions(manifest: Manifest, model: string, options: ValidateOptions): ModelOptions {
  const { plugins, subfolder, offline, token, cacheDir, cwd, signal, onProgress, onNote } = options
  const place = { model, subfolder, offline, token, cacheDir, cwd }
  return { ...settingsOf(manifest), ...place, task: manifest.model.task, plugins, signal, onProgress, onNote }
}
