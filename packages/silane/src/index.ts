import { benchmark as runBenchmark } from './benchmark.ts'
import { border, borderSync } from './border.ts'
import { matrix as runMatrix } from './ci/matrix.ts'
import { mergeReports as runMergeReports } from './ci/merge-reports.ts'
import { runShard as runRunShard } from './ci/run-shard.ts'
import { convert as runConvert } from './convert/convert.ts'
import { ask as runAsk } from './documents/ask.ts'
import { indexDocuments as runIndexDocuments } from './documents/index-documents.ts'
import { searchDocuments as runSearchDocuments } from './documents/search-documents.ts'
import { generate as runGenerate } from './generate/generate.ts'
import { inspect as runInspect } from './inspect/inspect.ts'
import { readManifest as runReadManifest } from './manifest.ts'
import { askImage as runAskImage, caption as runCaption } from './pictures/caption.ts'
import { classify as runClassify } from './pictures/classify.ts'
import { segment as runSegment } from './pictures/segment.ts'
import { listPlugins as runListPlugins } from './plugins/list-plugins.ts'
import { readGoldens as runReadGoldens } from './validate/goldens.ts'
import { validate as runValidate } from './validate/validate.ts'
import { verify as runVerify } from './verify.ts'

// Programs pass this border, as the command line has its own: what is given is checked, and what the system answers gets a code and words.

/** Converts a checkpoint into Core ML packages and ONNX files; a missed gate is a result (`ok` is false), all else that goes wrong is thrown. */
export const convert = border('convert', runConvert)
/** Validates a converted folder again: against its checkpoint, golden outputs, or both. */
export const validate = border('validate', runValidate)
/** What a checkpoint is, and what a conversion would make of it; nothing is written. */
export const inspect = border('inspect', runInspect)
/** Checks packages, whoever wrote them. */
export const verify = border('verify', runVerify)
/** Times the functions of a converted folder. */
export const benchmark = border('benchmark', runBenchmark)
/** Runs a converted model that generates text. */
export const generate = border('generate', runGenerate)
/** Fills an index with documents and their vectors. */
export const indexDocuments = border('indexDocuments', runIndexDocuments)
/** The passages of an index that are nearest to a question. */
export const searchDocuments = border('searchDocuments', runSearchDocuments)
/** An answer to a question from the passages of an index. */
export const ask = border('ask', runAsk)
/** A text about a picture. */
export const caption = border('caption', runCaption)
/** An answer to a question about a picture. */
export const askImage = border('askImage', runAskImage)
/** The labels of a picture. */
export const classify = border('classify', runClassify)
/** Masks of what points and a box show in a picture. */
export const segment = border('segment', runSegment)
/** The plugins that are found. */
export const listPlugins = border('listPlugins', runListPlugins)
/** What silane.ci.json has to convert, with the task that each entry gets. */
export const matrix = border('matrix', runMatrix)
/** Converts and validates a part of it, and writes a report. */
export const runShard = border('runShard', runRunShard)
/** Joins the reports of all parts. */
export const mergeReports = border('mergeReports', runMergeReports)
/** Reads and checks the manifest of a converted folder. Throws E_NOT_CONVERTED or E_MANIFEST. */
export const readManifest = borderSync('readManifest', runReadManifest)
/** The golden outputs in a folder or a file. */
export const readGoldens = borderSync('readGoldens', runReadGoldens)

export { analyzeGraph, type GraphAnalysis } from './analyze-graph.ts'
export type { BenchmarkOptions, BenchmarkResult, DecoderFacts, FunctionBenchmark } from './benchmark.ts'
export type { CiGate, CiReport, CiResult } from './ci/ci-report.ts'
export type { Matrix, MatrixEntry, MatrixOptions } from './ci/matrix.ts'
export type { MergedReports, MergeOptions } from './ci/merge-reports.ts'
export type { RunShardOptions, ShardResult } from './ci/run-shard.ts'
export type { Shard } from './ci/shard.ts'
export { parseModelFlags } from './cli/parse-model-flags.ts'
export type { ConvertResult } from './convert/convert.ts'
export type { ConvertOptions, ModelOptions, Progress } from './convert/convert-options.ts'
export { loadRequest } from './convert/prepare-model.ts'
export type { Asked, AskOptions } from './documents/ask.ts'
export type { Indexed, IndexOptions } from './documents/index-documents.ts'
export type { FoundPassage, Searched, SearchOptions } from './documents/search-documents.ts'
export { errors as silaneErrors } from './errors.ts'
export type { Generated, GenerateOptions } from './generate/generate.ts'
export type { Inspection } from './inspect/inspect.ts'
export type { DeployedFunction, DeployedProgram, DeployedTensor, Manifest } from './manifest.ts'
export type { AskImageOptions, Caption, CaptionOptions } from './pictures/caption.ts'
export type { Classified, ClassifyOptions } from './pictures/classify.ts'
export type { PromptPoint, Segmented, SegmentOptions } from './pictures/segment.ts'
export type { PluginList } from './plugins/list-plugins.ts'
export { type Claim, type PluginManifest, readPluginManifest } from './plugins/plugin-manifest.ts'
export type { ConversionReport } from './report/report.ts'
export type { Golden, GoldenSample } from './validate/goldens.ts'
export { missedGates } from './validate/missed-gates.ts'
export type { ValidateOptions, ValidateResult } from './validate/validate.ts'
export type { Verification } from './verify.ts'
