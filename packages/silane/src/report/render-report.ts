import type { Line } from '@silane/core'
import type { GraphAnalysis } from '../analyze-graph.ts'
import type { OnnxAnalysis } from '../analyze-onnx.ts'
import type { Manifest } from '../manifest.ts'
import { describeCoverage } from './describe-coverage.ts'
import type { FunctionReport } from './function-reports.ts'
import type { ConversionReport, StoredComparison } from './report.ts'

/** Markup that may stand in a page as it is. */
class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = Html | string | number | readonly Html[]

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const show = (part: Part): string =>
  part instanceof Html
    ? part.text
    : Array.isArray(part)
      ? part.map(show).join('')
      : String(part).replace(/[&<>"]/g, character => escapes[character] ?? character)

/** A template whose values are escaped: names of tensors and models come from strangers. */
const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.reduce((text, string, i) => text + show(parts[i - 1] ?? '') + string))

const style = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border-bottom:1px solid #ddd;padding:.2rem .8rem .2rem 0;text-align:left}
td.number{text-align:right;font-variant-numeric:tabular-nums}.miss{color:#b00020;font-weight:600}.warning{color:#8a5a00}dt{float:left;width:7rem;font-weight:600}code{font-size:.92em}h2{margin-top:2rem}`

/** report.html: one page that needs nothing beside it, from the manifest and the report. */
export function renderReport(manifest: Manifest, report: ConversionReport): string {
  const { model, plugin, silane } = manifest
  return html`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${model.id}</title><style>${new Html(style)}</style>
<h1>${model.id}</h1>
<p>${model.architecture} (${model.modelType}), task ${model.task}; silane ${silane.version}, ${plugin.package} ${plugin.version}.</p>
<h2>Validation</h2>
${report.validated ? verdict(report) : html`<p>Not validated (<code>--no-validate</code>).</p>`}
${report.misses.length > 0 ? html`<ul class="miss">${report.misses.map(miss => html`<li>${miss}</li>`)}</ul>` : ''}
${report.warnings.length > 0 ? html`<ul class="warning">${report.warnings.map(warning => html`<li>Warning: ${warning}</li>`)}</ul>` : ''}
${report.comparisons.length > 0 ? comparisons(report.comparisons) : ''}
${report.notes.length > 0 ? html`<ul>${report.notes.map(note => html`<li>${note}</li>`)}</ul>` : ''}
<h2>Programs</h2>
${report.functions.map(analysis)}
</html>
`.text
}

function verdict({ comparisons: all, coverage, runtime }: ConversionReport): Html {
  const missed = all.filter(row => !row.ok).length
  const gated = all.filter(row => row.gate !== undefined).length
  const passes =
    all.length === 0
      ? html`<p>Nothing was compared.</p>`
      : missed === 0
        ? html`<p>Every one of ${gated} figures that have a gate passes it.</p>`
        : html`<p class="miss">${missed} of ${all.length} comparisons miss their gate.</p>`
  const ran = runtime ? html`<p>Run in ${runtime.name} ${runtime.version}.</p>` : ''
  return html`${passes}${describeCoverage(coverage).map(sentence => html`<p>${sentence}</p>`)}${ran}`
}

const GUIDE = 'https://github.com/silane/silane/blob/main/docs/guides/read-the-report.md'

/** What each line tells; the guide at more length. */
const lines: Readonly<Record<Line, string>> = {
  original: 'what silane reads in the checkpoint, beside what the original computes',
  onnx: 'the ONNX file',
  lowering: 'the graph for Core ML before half precision: what its layout alone changes',
  file: 'the package read back from disk, beside the graph that was written',
  weights: 'weights rounded, everything computed in fp32: what any converter loses',
  arithmetic: 'the same weights, with every op rounded to fp16',
  total: 'weights and ops rounded: about what a device computes',
}

const comparisons = (rows: readonly StoredComparison[]): Html => html`<table>
<tr><th>program</th><th>function</th><th>output</th><th>line</th><th>compared</th><th>PSNR, dB</th><th>gate</th></tr>
${rows.map(
  row => html`<tr><td>${row.program}</td><td>${row.function}</td><td>${row.output}</td><td>${row.line}</td><td>${row.actual} vs ${row.expected}</td>
<td class="${row.ok ? 'number' : 'number miss'}">${typeof row.psnr === 'number' ? row.psnr.toFixed(1) : row.psnr}</td><td class="number">${row.gate ?? 'reported'}</td></tr>
`,
)}</table>
<dl>${[...new Set(rows.map(({ line }) => line))].map(line => html`<dt>${line}</dt><dd>${lines[line]}</dd>`)}</dl>
<p>What a figure means, and what to do about a missed gate: <a href="${GUIDE}">read the report</a>.</p>`

function analysis({ program, function: name, rules, ...looked }: FunctionReport): Html {
  const found = looked.analysis
  const all = looked.target === 'coreml' ? [...facts(found), ...layoutFacts(looked.analysis)] : facts(found)
  return html`<h3>${program} / ${name}, ${looked.target === 'coreml' ? 'Core ML' : 'ONNX'}</h3>
<table>${all.map(([label, value]) => html`<tr><th>${label}</th><td>${value}</td></tr>`)}</table>
${looked.target === 'coreml' && looked.analysis.layers.length > 0 ? layers(looked.analysis) : ''}
<p>Ops: ${counts(found.histogram)}.<br>Rewrite rules: ${counts(rules)}.</p>
`
}

type Facts = readonly (readonly [string, string])[]

const facts = (found: OnnxAnalysis): Facts => [
  ['ops', String(found.ops)],
  ['weights', `${found.constantBytes.toLocaleString('en')} bytes in ${found.constants} constants`],
  ['multiply-accumulates', found.macs.toLocaleString('en')],
  ['convolutions', String(found.convs)],
  ['reshapes, transposes, gathers', `${found.reshapes}, ${found.transposes}, ${found.gathers}`],
]

const layoutFacts = (found: GraphAnalysis): Facts => [
  ['softmax', counts(found.softmaxAxes)],
  ['highest rank', String(found.maxRank)],
  ['axes over 16384 inside', found.overCap.inside.join('; ') || 'none'],
  ['axes over 16384 at the border', found.overCap.border.join('; ') || 'none'],
  ['element types', counts(found.dtypes)],
  ['ops that stay in fp32', String(found.exact)],
  ['largest value inside', found.largest ? `${found.largest.value}, ${found.largest.bytes.toLocaleString('en')} bytes` : 'none'],
]

const layers = (found: GraphAnalysis): Html => html`<table>
<tr><th>layer</th><th>ops</th><th>reshapes</th><th>transposes</th></tr>
${found.layers.map(
  row => html`<tr><td>${row.layer}</td><td class="number">${row.ops}</td><td class="number">${row.reshapes}</td><td class="number">${row.transposes}</td></tr>
`,
)}</table>`

const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .map(([key, count]) => `${key} ${count}`)
    .join(', ') || 'none'
