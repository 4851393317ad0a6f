import { own } from '@silane/core'
import type { LayerAnalysis } from '../../analyze-graph.ts'
import { formatBytes } from '../../format-bytes.ts'
import type { FunctionReport } from '../function-reports.ts'
import { type Html, html } from './html.ts'

type Lowered = Extract<FunctionReport, { readonly target: 'coreml' }>

/** What stands before, between and after the layers is a row of its own. */
const ELSEWHERE = 'embeddings, heads and the rest'

/** The layers in their order: how much each is of the whole, and how much of the numbers is left behind it. */
export function layerStack({ analysis, losses }: Lowered): Html {
  const { layers } = analysis
  const sum = (of: (row: LayerAnalysis) => number): number => layers.reduce((total, row) => total + of(row), 0)
  const rest: LayerAnalysis = {
    layer: ELSEWHERE,
    ops: analysis.ops - sum(row => row.ops),
    reshapes: analysis.reshapes - sum(row => row.reshapes),
    transposes: analysis.transposes - sum(row => row.transposes),
    macs: analysis.macs - sum(row => row.macs),
    bytes: Math.max(0, analysis.constantBytes - sum(row => row.bytes)),
  }
  const rows = [...layers, rest]
  const most = (of: (row: LayerAnalysis) => number): number => Math.max(1, ...rows.map(of))
  const [macs, bytes] = [most(row => row.macs), most(row => row.bytes)]
  return html`<table class="layers"><thead><tr><th scope="col">layer</th><th scope="col" class="number">ops</th><th scope="col" class="number wide">reshapes, transposes</th><th scope="col">multiply-accumulates</th><th scope="col">weights</th>${
    losses ? html`<th scope="col">dB left behind it</th>` : ''
  }</tr></thead><tbody>
${rows.map(
  row => html`<tr><th scope="row">${row.layer === ELSEWHERE ? html`<span class="soft">${ELSEWHERE}</span>` : html`<code>${breakable(row.layer)}</code>`}</th><td class="number">${row.ops}</td><td class="number wide">${row.reshapes}, ${row.transposes}</td><td>${count(row.macs)}${bar(row.macs / macs, '--bar')}</td><td>${formatBytes(row.bytes)}${bar(row.bytes / bytes, '--bar2')}</td>${
    losses ? html`<td>${loss(own(losses, row.layer))}</td>` : ''
  }</tr>
`,
)}</tbody></table>`
}

/** The scale ends where fp16 does: a value that is rounded once keeps about 75 dB, the best of a layer a little more. */
const BEST = 100

const loss = (psnr: number | 'equal' | undefined): Html | string => {
  if (psnr === undefined) return ''
  if (psnr === 'equal') return 'equal'
  return html`${psnr.toFixed(1)}${bar(Math.min(1, psnr / BEST), '--pass')}`
}

const bar = (share: number, color: string): Html =>
  html`<svg class="bar" aria-hidden="true"><rect width="100%" height="100%" rx="3" fill="var(--card)"/><rect width="${Number((100 * share).toFixed(1))}%" height="100%" rx="3" fill="var(${color})"/></svg>`

/** A name that breaks behind its dots. */
const breakable = (name: string): Html => html`${name.split('.').map((part, i) => html`${i > 0 ? html`.<wbr>` : ''}${part}`)}`

/** 116 M. */
export function count(value: number): string {
  const units = ['', ' k', ' M', ' G', ' T']
  const at = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3))
  return `${at === 0 ? value : (value / 1000 ** at).toPrecision(3)}${units[at]}`
}
