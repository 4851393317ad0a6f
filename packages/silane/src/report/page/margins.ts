import type { Line } from '@silane/core'
import type { StoredComparison } from '../report.ts'
import { type Html, html } from './html.ts'

/** What each line tells, in plain words; docs/guides/read-the-report.md says it at more length. */
const lines: Readonly<Record<Line, readonly [name: string, doc: string]>> = {
  original: ['Is it the model?', 'what silane reads in the checkpoint, beside what the original computed'],
  onnx: ['The ONNX file', 'beside the model as silane read it'],
  lowering: ['The layout for the Neural Engine', 'still in fp32: what the rewriting alone changes'],
  file: ['The package on disk', 'read back, beside what was meant to be written'],
  weights: ['Weights in half precision', 'everything computed in fp32: what any converter loses'],
  arithmetic: ['Arithmetic in half precision', 'the same weights, with every result rounded to fp16'],
  total: ['All of it together', 'weights and results rounded: about what a device computes'],
}

/** Where the scale ends, in dB: more than fp32 leaves of any model of some depth. What is equal stands there. */
const END = 160

const place = (psnr: StoredComparison['psnr']): number =>
  (100 * Math.min(END, Math.max(0, typeof psnr === 'number' ? psnr : psnr === 'equal' ? END : 0))) / END

const percent = (value: number): string => `${Number(value.toFixed(2))}%`

/** A strip for each line: where its gate stands, and where every output does. */
export function margins(rows: readonly StoredComparison[]): Html {
  const used = [...new Set(rows.map(({ line }) => line))]
  return html`<div>${used.map(line =>
    strip(
      line,
      rows.filter(row => row.line === line),
    ),
  )}
<div class="axis" aria-hidden="true"><span></span><svg>${[0, 40, 80, 120].map(
    db =>
      html`<text x="${percent((100 * db) / END)}" y="1em" text-anchor="${db === 0 ? 'start' : 'middle'}">${db}${db === 0 ? ' dB' : ''}</text>`,
  )}<text x="100%" y="1em" text-anchor="end">equal</text></svg><span></span></div></div>`
}

function strip(line: Line, rows: readonly StoredComparison[]): Html {
  const [name, doc] = lines[line]
  const gate = rows.find(row => row.gate !== undefined)?.gate
  const missed = rows.filter(({ ok }) => !ok).length
  const said = `${lowest(rows)}${gate === undefined ? ', reported only' : `, gate ${gate} dB`}`
  return html`<div class="strip"><div><p class="name">${name}</p><p class="soft">${doc}</p></div>
<svg role="img" aria-label="${name}: ${said}">${
    gate === undefined
      ? html`<rect y="35%" width="100%" height="30%" rx="4" fill="var(--card)"/>`
      : html`<rect y="35%" width="${percent(place(gate))}" height="30%" fill="var(--fail-zone)"/><rect x="${percent(place(gate))}" y="35%" width="${percent(100 - place(gate))}" height="30%" fill="var(--pass-zone)"/><rect x="${percent(place(gate))}" y="10%" width="2" height="80%" fill="var(--text)"/>`
  }${[...new Set(rows.map(row => `${percent(inset(place(row.psnr)))} ${row.ok}`))].map(key => {
    const [at = '', ok] = key.split(' ')
    // A miss is a cross, so that it is seen without colours.
    return ok === 'true'
      ? html`<circle cx="${at}" cy="50%" r="5" fill="var(--pass)" stroke="var(--ground)"/>`
      : html`<svg x="${at}" y="50%" overflow="visible"><path d="M-6-6L6 6M-6 6L6-6" stroke="var(--miss)" stroke-width="3"/></svg>`
  })}</svg>
<p class="figure">${missed > 0 ? html`<span class="miss-text">${missed} of ${rows.length} miss</span><br>` : ''}${said}</p></div>
`
}

/** Marks at the ends are drawn whole. */
const inset = (at: number): number => Math.min(98, Math.max(2, at))

function lowest(rows: readonly StoredComparison[]): string {
  if (rows.some(({ psnr }) => psnr === 'none')) return 'no figure'
  const figures = rows.flatMap(({ psnr }) => (typeof psnr === 'number' ? [psnr] : []))
  return figures.length > 0 ? `${rows.length > 1 ? 'lowest ' : ''}${Math.min(...figures).toFixed(1)} dB` : 'equal'
}
