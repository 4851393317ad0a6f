import type { GraphAnalysis } from '../analyze-graph.ts'
import type { OnnxAnalysis } from '../analyze-onnx.ts'
import { unreadWarning } from '../convert/unread-tensors.ts'
import { formatBytes } from '../format-bytes.ts'
import {
  type CheckpointInspection,
  type FolderInspection,
  type FunctionSummary,
  type Inspection,
  inspect,
  type PackageInspection,
} from '../inspect/inspect.ts'
import type { DeployedTensor } from '../manifest.ts'
import { formatTable } from './format.ts'
import { documentInShort, inShort, listInShort } from './in-short.ts'
import { type ModelFlags, modelOptions } from './model-flags.ts'
import { progressLine } from './progress-line.ts'
import { style, terminal } from './terminal.ts'

const out = process.stdout
const bold = (text: string) => style('bold', text, out)

/** `silane inspect`. */
export async function inspectCommand(
  target: string,
  flags: ModelFlags & { readonly json?: boolean; readonly tensors?: boolean; readonly print?: string; readonly download?: boolean },
): Promise<number> {
  const line = progressLine()
  try {
    const options = { ...modelOptions(target, flags), download: flags.download, onProgress: line.show, onNote: line.note }
    if (flags.print !== undefined) {
      const { printPass } = await import('../inspect/print-pass.ts')
      const text = await printPass(options, flags.print)
      line.clear()
      if (flags.json) terminal.document({ pass: flags.print, text })
      else terminal.result(text)
      return 0
    }
    const inspection = await inspect(options)
    line.clear()
    if (flags.json) terminal.document(inspection)
    else terminal.result(describe(inspection, flags.tensors ?? false))
    return inspection.kind === 'checkpoint' && inspection.claimed === false ? EXIT_UNCLAIMED : 0
  } finally {
    line.clear()
  }
}

/** As of every verb that can do nothing with what it is given. */
const EXIT_UNCLAIMED = 2

function describe(inspection: Inspection, tensors: boolean): string {
  switch (inspection.kind) {
    case 'checkpoint':
      return describeCheckpoint(inspection, tensors)
    case 'package':
      return describePackage(inspection)
    case 'folder':
      return describeFolder(inspection)
    case 'onnx':
      return JSON.stringify(documentInShort(inspection.summary), undefined, 2)
  }
}

function describeCheckpoint(found: CheckpointInspection, tensors: boolean): string {
  const { config, plugin, model, problem, functions = [], plan = [] } = found
  const plain = Object.entries(config).filter(([, value]) => value !== null && typeof value !== 'object')
  return [
    bold(found.location),
    `${found.tensors.length} tensors, ${found.parameters.toLocaleString('en')} parameters, ${formatBytes(found.bytes)}`,
    `config   ${settings(plain)}`,
    ...(plugin ? [`plugin   ${plugin.package}@${plugin.version}: ${inShort(plugin.because.join(', '))}`] : []),
    ...(model ? [`model    ${inShort(model.architecture)}, task ${model.task}, ${settings(Object.entries(model.options))}`] : []),
    ...(model?.notes.map(note => `note     ${inShort(note, MAX_SENTENCE)}`) ?? []),
    ...(model && plugin && model.unread.length > 0
      ? [`warning  ${inShort(unreadWarning(model.unread, plugin.package), MAX_SENTENCE)}`]
      : []),
    ...(problem
      ? [
          `${style('red', problem.code, out)} ${inShort(problem.what, MAX_SENTENCE)}`,
          ...(problem.next ? [`  ${inShort(problem.next, MAX_SENTENCE)}`] : []),
        ]
      : []),
    '',
    ...plan.map(describeFunction),
    ...functions.map(
      fn => `${bold(`${fn.program}/${fn.function}, ${fn.target}`)}\n${describeAnalysis(fn.analysis)}\n  rules    ${counts(fn.rules)}\n`,
    ),
    ...(tensors
      ? [
          formatTable(
            ['tensor', 'type', 'shape'],
            found.tensors.map(({ name, dtype, shape }) => [inShort(name), dtype, `[${shape.join(', ')}]`]),
            out,
          ),
        ]
      : []),
  ]
    .join('\n')
    .trimEnd()
}

/** Of a sentence that may quote names. */
const MAX_SENTENCE = 2000

const settings = (entries: readonly (readonly [string, unknown])[]): string =>
  listInShort(entries, ([key, value]) => `${inShort(key)}=${inShort(plainText(value))}`).join(' ') || 'none'

/** Objects come from files: they have no conversion of their own that could be trusted. */
function plainText(value: unknown): string {
  if (Array.isArray(value)) return value.map(plainText).join(',')
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

const describeFunction = (fn: FunctionSummary): string =>
  [bold(`${fn.program}/${fn.function}`), `  files    ${fn.files.map(file => inShort(file)).join(', ')}`, ...border(fn), ''].join('\n')

const border = ({ inputs, outputs, states }: Pick<FunctionSummary, 'inputs' | 'outputs' | 'states'>): string[] => [
  ...inputs.map(tensor => `  in       ${tensorText(tensor)}`),
  ...outputs.map(tensor => `  out      ${tensorText(tensor)}`),
  ...states.map(tensor => `  state    ${tensorText(tensor)}`),
]

const tensorText = ({ name, dtype, shape }: Pick<DeployedTensor, 'name' | 'dtype' | 'shape'>): string =>
  `${inShort(name)} ${dtype} [${shape.join(', ')}]`

function describePackage(found: PackageInspection): string {
  return [
    bold(found.location),
    ...(found.specVersion === undefined ? [] : [`specification version ${found.specVersion}`]),
    ...found.findings.map(({ severity, code, what }) => `${severity} ${code} ${inShort(what, MAX_SENTENCE)}`),
    '',
    ...found.functions.map(fn => `${bold(inShort(fn.name))}\n${border(fn).join('\n')}\n${describeAnalysis(fn.analysis)}\n`),
  ]
    .join('\n')
    .trimEnd()
}

function describeFolder({ location, manifest, packages }: FolderInspection): string {
  const { model, plugin, silane, options, ok } = manifest
  return [
    bold(location),
    `${inShort(model.id)}: ${inShort(model.architecture)} (${inShort(model.modelType)}), task ${inShort(model.task)}${ok === false ? ', a gate was MISSED' : ''}`,
    `silane ${inShort(silane.version)}, ${inShort(plugin.package)}@${inShort(plugin.version)}`,
    `options  ${settings(Object.entries(options))}`,
    '',
    ...packages.map(found => `${describePackage(found)}\n`),
  ]
    .join('\n')
    .trimEnd()
}

/** What holds for any target, and what is said of a layout beside it. */
function describeAnalysis(found: GraphAnalysis | OnnxAnalysis): string {
  const layout = 'layers' in found ? found : undefined
  return [
    `  ops      ${found.ops}: ${counts(found.histogram)}`,
    `  weights  ${formatBytes(found.constantBytes)} in ${found.constants} constants; ${found.macs.toLocaleString('en')} multiply-accumulates`,
    `  shape    ${found.convs} conv, ${found.reshapes} reshape, ${found.transposes} transpose, ${found.gathers} gather${layout ? `; highest rank ${layout.maxRank}` : ''}`,
    ...(layout ? describeLayout(layout) : []),
  ].join('\n')
}

function describeLayout(found: GraphAnalysis): string[] {
  const perLayer = found.layers.map(({ layer, ops, reshapes, transposes }) => [
    `  ${layer}`,
    String(ops),
    String(reshapes),
    String(transposes),
  ])
  return [
    `  softmax  ${counts(found.softmaxAxes)}`,
    `  types    ${counts(found.dtypes)}${found.exact > 0 ? `; ${found.exact} ops stay in fp32` : ''}`,
    ...(found.largest ? [`  largest  ${inShort(found.largest.value)}, ${formatBytes(found.largest.bytes)}`] : []),
    `  axes     over 16384 inside: ${inShort(found.overCap.inside.join('; '), MAX_SENTENCE) || 'none'}; at the border: ${inShort(found.overCap.border.join('; '), MAX_SENTENCE) || 'none'}`,
    ...(perLayer.length > 0 ? [formatTable(['  layer', 'ops', 'reshapes', 'transposes'], perLayer, out)] : []),
  ]
}

const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .map(([key, count]) => `${key} ${count}`)
    .join(', ') || 'none'
