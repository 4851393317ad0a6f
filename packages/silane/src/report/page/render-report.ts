import type { GraphAnalysis } from '../../analyze-graph.ts'
import type { OnnxAnalysis } from '../../analyze-onnx.ts'
import { formatBytes } from '../../format-bytes.ts'
import { type DeployedFunction, type DeployedOutput, type DeployedTensor, type Manifest, packageOf } from '../../manifest.ts'
import { describeCoverage } from '../describe-coverage.ts'
import type { FunctionReport } from '../function-reports.ts'
import type { ConversionReport, StoredComparison } from '../report.ts'
import { type Verdict, verdict } from '../verdict.ts'
import { Html, html } from './html.ts'
import { count, layerStack } from './layer-stack.ts'
import { margins } from './margins.ts'
import { style } from './style.ts'

const GUIDE = 'https://github.com/silane/silane/blob/main/docs/guides/read-the-report.md'

/** report.html: one page that needs nothing beside it, from the manifest and the report. */
export function renderReport(manifest: Manifest, report: ConversionReport): string {
  const { model } = manifest
  const found = verdict(report)
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${model.id}: ${found.text}</title><style>${new Html(style)}</style></head>
<body><header>
<p class="soft">Conversion report</p>
<h1>${model.id}</h1>
<p class="verdict ${found.result}">${mark(found.result)}<span>${sentence(found.text)}</span></p>
${facts(manifest)}
</header><main>
<section aria-labelledby="numbers"><h2 id="numbers">Are the numbers right?</h2>
${numbers(report)}
</section>
<section aria-labelledby="files"><h2 id="files">What was written</h2>
${files(manifest)}
</section>
<section aria-labelledby="inside"><h2 id="inside">What is inside</h2>
<p>Counted in the graphs, without running them. Only a device can say what the Neural Engine takes; what is known to count against it are many reshapes and transposes, axes over 16384 and ranks over 4.</p>
${report.functions.map(inside)}
</section></main>
<footer><p>silane ${manifest.silane.version}, ${manifest.plugin.package} ${manifest.plugin.version}. Everything on this page stands in <code>silane.json</code> and <code>report.json</code> beside it.</p></footer>
</body></html>
`.text
}

const sentence = (text: string): string => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`

const marks: Readonly<Record<Verdict['result'], string>> = {
  pass: '<path d="M5 12.5l4.5 4.5L19 7.5" stroke="var(--pass)"/>',
  miss: '<path d="M6 6l12 12M6 18L18 6" stroke="var(--miss)"/>',
  unknown: '<path d="M12 6v8M12 17.5v.5" stroke="var(--warn)"/>',
}
const mark = (result: Verdict['result']): Html =>
  html`<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke-width="3" stroke-linecap="round">${new Html(marks[result])}</svg>`

function facts({ model, options, programs }: Manifest): Html {
  const bytes = new Map(
    programs.flatMap(program =>
      program.functions.flatMap(fn => [packageOf(program, fn), fn.onnx].flatMap(file => (file ? [[file.path, file.bytes] as const] : []))),
    ),
  )
  const all: readonly (readonly [string, Html | string])[] = [
    ['architecture', `${model.architecture} (${model.modelType})`],
    ['task', model.task],
    ...(model.revision === null ? [] : ([['on the hub', hubLink(model.id, model.revision, model.subfolder)]] as const)),
    ...(model.license === undefined ? [] : ([['license', licenseOf(model.license, model.licenseLink)]] as const)),
    ['precision', String(options.precision ?? '')],
    ['in all', formatBytes([...bytes.values()].reduce((sum, size) => sum + size, 0))],
  ]
  return html`<dl class="facts">${all.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

const licenseOf = (license: string, link: string | undefined): Html =>
  link === undefined ? html`${license}` : html`<a href="${link}">${license}</a>`

const hubLink = (id: string, revision: string, subfolder: string | undefined): Html => {
  const place = [encodeURI(id), 'tree', encodeURIComponent(revision), ...(subfolder === undefined ? [] : [encodeURI(subfolder)])].join('/')
  return html`<a href="https://huggingface.co/${place}">${subfolder === undefined ? id : `${id}/${subfolder}`}</a> at <code>${revision.slice(0, 12)}</code>`
}

function numbers({ validated, comparisons, coverage, misses, warnings, notes, runtime }: ConversionReport): Html {
  return html`${
    comparisons.length > 0
      ? html`<p>Every program was run on the same inputs in each form that it takes on its way from the checkpoint to the files. A figure tells how large the error is beside the largest value: 40 dB is a hundredth, 60 a thousandth, 100 a hundred-thousandth. The line in each strip is the gate, what a conversion has to reach.</p>`
      : html`<p>${validated ? 'There was nothing to compare.' : html`It was converted with <code>--no-validate</code>: <code>silane validate</code> makes up for it.`}</p>`
  }
${list(misses, 'miss-text', 'Missed: ')}${comparisons.length > 0 ? margins(comparisons) : ''}
${describeCoverage(coverage).map(text => html`<p>${text}</p>`)}${runtime ? html`<p>Run in ${runtime.name} ${runtime.version}.</p>` : ''}${list(warnings, 'warn-text', 'Warning: ')}${list(notes, '', '')}
${comparisons.length > 0 ? html`<details><summary>All ${comparisons.length} figures</summary><div class="scroll" tabindex="0" role="region" aria-label="All figures">${table(comparisons)}</div></details><p>What a figure means, and what to do about a missed gate: <a href="${GUIDE}">read the report</a>.</p>` : ''}`
}

const list = (items: readonly string[], kind: string, before: string): Html | string =>
  items.length > 0 ? html`<ul>${items.map(item => html`<li><span class="${kind}">${before}</span>${item}</li>`)}</ul>` : ''

const table = (rows: readonly StoredComparison[]): Html => html`<table>
<thead><tr><th scope="col">function</th><th scope="col">output</th><th scope="col">line</th><th scope="col">compared</th><th scope="col" class="number">dB</th><th scope="col" class="number">gate</th></tr></thead><tbody>
${rows.map(
  row => html`<tr><td>${row.program}/${row.function}</td><td><code>${row.output}</code></td><td>${row.line}</td><td>${row.actual} vs ${row.expected}</td>
<td class="${row.ok ? 'number' : 'number miss-text'}">${typeof row.psnr === 'number' ? row.psnr.toFixed(1) : row.psnr}${row.ok ? '' : ' missed'}</td><td class="number">${row.gate ?? 'reported'}</td></tr>
`,
)}</tbody></table>`

function files({ programs }: Manifest): Html {
  return html`${programs.flatMap(program =>
    program.functions.map(fn => {
      const written = [packageOf(program, fn), fn.onnx].filter(file => file !== undefined)
      return html`<h3>${program.functions.length > 1 ? `${program.name} / ${fn.name}` : program.name}</h3>
<p>${written.map((file, i) => html`${i > 0 ? ', ' : ''}<code>${file.path}</code> ${formatBytes(file.bytes)}`)}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Inputs and outputs of ${program.name} ${fn.name}"><table><thead><tr><th scope="col"><span class="soft">way</span></th><th scope="col">name</th><th scope="col">type</th><th scope="col">shape</th><th scope="col">what for</th></tr></thead><tbody>
${ports(fn)}</tbody></table></div>
`
    }),
  )}`
}

function ports({ inputs, outputs, states }: DeployedFunction): readonly Html[] {
  const row = (way: string, { name, dtype, shape, role }: DeployedTensor | DeployedOutput): Html =>
    html`<tr><td>${way}</td><th scope="row"><code>${name}</code></th><td>${dtype}</td><td class="figure">${shape.join(' × ') || 'one number'}</td><td>${role ?? ''}</td></tr>
`
  return [...inputs.map(port => row('in', port)), ...outputs.map(port => row('out', port)), ...states.map(port => row('state', port))]
}

function inside(report: FunctionReport): Html {
  const { program, function: name, rules } = report
  const title = `${program} / ${name}, ${report.target === 'coreml' ? 'Core ML' : 'ONNX'}`
  if (report.target === 'onnx')
    return html`<details><summary>${title}: ${report.analysis.ops} ops, ${formatBytes(report.analysis.constantBytes)} of weights</summary>
${factTable(plainFacts(report.analysis))}
<p>Ops: ${counts(report.analysis.histogram)}.</p><p>Rewrite rules: ${counts(rules)}.</p></details>
`
  const { analysis, before } = report
  return html`<h3>${title}</h3>
${rewriting(before, analysis)}
${analysis.layers.length > 0 ? layerStack(report) : ''}
<details><summary>All counts of ${title}</summary>
${factTable([...plainFacts(analysis), ...layoutFacts(analysis)])}
<p>Ops: ${counts(analysis.histogram)}.</p><p>Rewrite rules: ${counts(rules)}.</p></details>
`
}

type Before = Extract<FunctionReport, { readonly target: 'coreml' }>['before']

/** Before and after. The first column is the model as its plugin writes it, close to the paper. */
function rewriting(before: Before, after: GraphAnalysis): Html {
  const rows: readonly (readonly [string, number, number, string])[] = [
    ['ops', before.ops, after.ops, 'attention is taken apart into its heads'],
    ['convolutions', before.convs, after.convs, 'linear layers, as 1 × 1 convolutions over channels'],
    ['reshapes', before.reshapes, after.reshapes, 'each may move all data once'],
    ['transposes', before.transposes, after.transposes, 'likewise'],
    ['highest rank', before.maxRank, after.maxRank, 'values of the layout [batch, channels, 1, places] have four axes'],
  ]
  return html`<table><thead><tr><th scope="col">count</th><th scope="col" class="number">as the paper has it</th><th scope="col" class="number">as it is written</th><th scope="col" class="wide">why</th></tr></thead><tbody>
${rows.map(
  ([name, was, is, doc]) =>
    html`<tr><th scope="row">${name}</th><td class="number">${was}</td><td class="number">${is}</td><td class="soft wide">${doc}</td></tr>
`,
)}</tbody></table>`
}

type Facts = readonly (readonly [string, string])[]

const factTable = (rows: Facts): Html =>
  html`<table class="counts"><tbody>${rows.map(([label, value]) => html`<tr><th scope="row">${label}</th><td>${value}</td></tr>`)}</tbody></table>`

const plainFacts = (found: OnnxAnalysis): Facts => [
  ['ops', String(found.ops)],
  ['weights', `${formatBytes(found.constantBytes)} in ${found.constants} constants`],
  ['multiply-accumulates', count(found.macs)],
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
  ['largest value inside', found.largest ? `${found.largest.value}, ${formatBytes(found.largest.bytes)}` : 'none'],
]

const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .map(([key, times]) => `${key} ${times}`)
    .join(', ') || 'none'
