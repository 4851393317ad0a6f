import type { BenchmarkOptions } from './benchmark.ts'
import type { MatrixOptions } from './ci/matrix.ts'
import type { MergeOptions } from './ci/merge-reports.ts'
import type { RunShardOptions } from './ci/run-shard.ts'
import type { ConvertOptions, ModelOptions } from './convert/convert-options.ts'
import type { GivenSettings, GivenShape } from './convert/settings.ts'
import type { AskOptions } from './documents/ask.ts'
import type { IndexOptions } from './documents/index-documents.ts'
import type { SearchOptions } from './documents/search-documents.ts'
import { errors } from './errors.ts'
import type { GenerateOptions } from './generate/generate.ts'
import type { GenerationOptions } from './generate/generation-config.ts'
import type { InspectOptions } from './inspect/inspect.ts'
import type { AskImageOptions, CaptionOptions } from './pictures/caption.ts'
import type { ClassifyOptions } from './pictures/classify.ts'
import type { ImageRequest } from './pictures/image-request.ts'
import type { SegmentOptions } from './pictures/segment.ts'
import type { DiscoverOptions } from './plugins/discover-plugins.ts'
import { isRecord } from './plugins/find-package.ts'
import type { ValidateOptions } from './validate/validate.ts'

// Types hold for nobody who writes JavaScript. What is said here is their meaning once more, at the border that programs pass; the command
// line reads its flags by itself.

/** What a value may be, as in "is not a text". */
interface Kind {
  readonly is: string
  readonly holds: (value: unknown) => boolean
}

/** One that need not be given. */
interface Optional extends Kind {
  readonly optional: true
}

/** A row for each option, which may be left out only where its type says so. */
type Options<O> = { readonly [K in keyof O]-?: object extends Pick<O, K> ? Optional : Kind }

const kind = (is: string, holds: Kind['holds']): Kind => ({ is, holds })
const optional = ({ is, holds }: Kind): Optional => ({ is, holds: value => value === undefined || holds(value), optional: true })

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value)
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)
const isListOf = (holds: Kind['holds']) => (value: unknown) => Array.isArray(value) && value.every(holds)

const text = kind('a text', isText)
const texts = kind('a list of texts', isListOf(isText))
const number = kind('a number', isNumber)
const ids = kind('a list of whole numbers', isListOf(isWhole))
const flag = kind('true or false', value => typeof value === 'boolean')
const object = kind('an object', isRecord)
const call = kind('a function', value => typeof value === 'function')
const oneOf = (...names: readonly string[]) =>
  kind(names.map(name => `"${name}"`).join(' or '), value => isText(value) && names.includes(value))

/** Not by its class: a page, a test or another realm has one of its own. */
const signal = kind(
  'an AbortSignal',
  value => typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
)

const isScalar = (value: unknown) => isText(value) || isNumber(value) || typeof value === 'boolean'

/** A value of a setting or of a plugin's option: which it may be is said where these are declared, by E_OPTION. */
const setting = kind('a text, a number, true, false or a list of these', value => isScalar(value) || isListOf(isScalar)(value))

/** The times of all runs are in memory; a million are more than an hour of the smallest model. */
const MAX_RUNS = 1_000_000
const runs = kind(`a whole number up to ${MAX_RUNS}`, value => isWhole(value) && value <= MAX_RUNS)

const points = kind(
  'a list of { x, y }',
  isListOf(value => isRecord(value) && isNumber(value.x) && isNumber(value.y) && (value.label === undefined || isNumber(value.label))),
)
const box = kind('a list of four numbers', value => isListOf(isNumber)(value) && Array.isArray(value) && value.length === 4)
const image = kind('a path or the bytes of a picture', value => isText(value) || value instanceof Uint8Array)
const chunk = kind('{ tokens, overlap }', value => isRecord(value) && isNumber(value.tokens) && isNumber(value.overlap))
const shard = kind(
  '{ index, count } with an index from 1 to the count',
  value => isRecord(value) && isWhole(value.index) && isWhole(value.count) && value.index >= 1 && value.index <= value.count,
)

const source = optional(oneOf('onnx', 'coreml'))
const method = optional(oneOf('exact', 'bits'))

const place = { plugins: optional(texts), cwd: optional(text) }
const hub = { offline: optional(flag), token: optional(text), cacheDir: optional(text) }
const work = { signal: optional(signal), onProgress: optional(call) }

const settings: Options<GivenSettings & GivenShape> = {
  targets: optional(setting),
  minimumOs: optional(setting),
  precision: optional(setting),
  onnxPrecision: optional(setting),
  splitHead: optional(setting),
  platform: optional(setting),
  maxPackageBytes: optional(setting),
  batch: optional(setting),
  seq: optional(setting),
  context: optional(setting),
  prefill: optional(setting),
  kv: optional(setting),
}

const model: Options<ModelOptions> = {
  ...settings,
  ...place,
  ...hub,
  ...work,
  model: text,
  task: optional(text),
  options: optional(
    kind(
      'an object of texts, numbers, true, false and lists of these',
      value => isRecord(value) && Object.values(value).every(optional(setting).holds),
    ),
  ),
  revision: optional(text),
  subfolder: optional(text),
  onNote: optional(call),
}

const generation: Options<GenerationOptions> = {
  maxNewTokens: optional(number),
  beams: optional(number),
  doSample: optional(flag),
  temperature: optional(number),
  topK: optional(number),
  topP: optional(number),
  settings: optional(object),
}

const picture: Options<ImageRequest> = { ...place, folder: text, image }

const ci = { ...hub, ...place, config: optional(text), signal: optional(signal), onProgress: optional(call), shard: optional(shard) }

const choices = { ...generation, from: source, seed: optional(number), onToken: optional(call) }

/** The options of each function, by its name. */
const optionsOf = {
  convert: {
    ...model,
    out: optional(text),
    name: optional(text),
    force: optional(flag),
    validate: optional(flag),
    golden: optional(text),
    trace: optional(flag),
  } satisfies Options<ConvertOptions>,
  validate: {
    ...place,
    ...hub,
    ...work,
    subfolder: optional(text),
    onNote: optional(call),
    folder: text,
    model: optional(text),
    golden: optional(text),
  } satisfies Options<ValidateOptions>,
  inspect: { ...model, download: optional(flag) } satisfies Options<InspectOptions>,
  benchmark: { ...place, ...work, folder: text, runs: optional(runs) } satisfies Options<BenchmarkOptions>,
  generate: {
    ...choices,
    folder: text,
    text: optional(text),
    ids: optional(ids),
    things: optional(object),
  } satisfies Options<GenerateOptions>,
  indexDocuments: {
    ...work,
    folder: text,
    documents: text,
    out: text,
    for: optional(text),
    chunk: optional(chunk),
    from: source,
    cwd: optional(text),
  } satisfies Options<IndexOptions>,
  searchDocuments: {
    folder: text,
    index: text,
    query: text,
    count: optional(number),
    method,
    from: source,
    cwd: optional(text),
  } satisfies Options<SearchOptions>,
  ask: {
    ...place,
    folder: text,
    index: text,
    question: text,
    count: optional(number),
    method,
    beams: optional(number),
    maxNewTokens: optional(number),
    from: source,
  } satisfies Options<AskOptions>,
  caption: { ...picture, ...choices, text: optional(text), ids: optional(ids) } satisfies Options<CaptionOptions>,
  askImage: { ...picture, ...choices, question: optional(text), ids: optional(ids) } satisfies Options<AskImageOptions>,
  classify: { ...picture, count: optional(number), from: source } satisfies Options<ClassifyOptions>,
  segment: {
    ...picture,
    points: optional(points),
    box: optional(box),
    all: optional(flag),
    out: optional(text),
    force: optional(flag),
    from: source,
  } satisfies Options<SegmentOptions>,
  listPlugins: {
    explicit: optional(texts),
    cwd: optional(text),
    checkpoint: optional(text),
    host: optional(text),
    lenient: optional(flag),
  } satisfies Options<DiscoverOptions>,
  matrix: ci satisfies Options<MatrixOptions>,
  runShard: { ...ci, only: optional(texts), out: text, keep: optional(flag), onEntry: optional(call) } satisfies Options<RunShardOptions>,
  mergeReports: { folder: text, cwd: optional(text) } satisfies Options<MergeOptions>,
} as const

/** What the others are given, in order. */
const argumentsOf = {
  verify: { paths: texts },
  readManifest: { folder: text },
  readGoldens: { given: text, programs: kind('a list', Array.isArray) },
} as const

const refused = (name: string, problem: string): Error =>
  errors.E_USAGE({ problem: `${name}: ${problem}.`, next: 'The types of the package say what each option may be.' })

function check(name: string, rows: Readonly<Record<string, Kind>>, given: Readonly<Record<string, unknown>>): void {
  for (const [option, { is, holds }] of Object.entries(rows)) if (!holds(given[option])) throw refused(name, `${option} is not ${is}`)
}

export type NameOfFunction = keyof typeof optionsOf | keyof typeof argumentsOf

/** Holds what a function is given against its rows. Throws E_USAGE, which names function and option. */
export function checkGiven(name: NameOfFunction, given: readonly unknown[]): void {
  if (isByOrder(name)) {
    const rows = argumentsOf[name]
    check(name, rows, Object.fromEntries(Object.keys(rows).map((option, i) => [option, given[i]])))
    return
  }
  const [options = {}] = given
  if (!isRecord(options)) throw refused(name, 'the options are not an object')
  check(name, optionsOf[name], options)
}

const isByOrder = (name: NameOfFunction): name is keyof typeof argumentsOf => name in argumentsOf
