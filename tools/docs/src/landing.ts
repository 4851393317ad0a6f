import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pages.ts'
import { transcript } from './transcript.ts'

interface Compatibility {
  readonly gates: Readonly<Record<string, number>>
  readonly families: Readonly<
    Record<
      string,
      {
        readonly rows: readonly {
          readonly target: string
          readonly options: Readonly<Record<string, unknown>>
          readonly gates: Readonly<Record<string, number | 'equal'>>
        }[]
      }
    >
  >
}

/** The landing page: tools/docs/landing.md with the transcript of a conversion and the figures of docs/compatibility.json. */
export async function landingPage(): Promise<string> {
  const { gates, families } = JSON.parse(readFileSync(join(root, 'docs/compatibility.json'), 'utf8')) as Compatibility
  const rows = Object.values(families).flatMap(family => family.rows)
  const lowest = (line: string, of: typeof rows) =>
    Math.min(...of.map(row => row.gates[line]).filter(psnr => typeof psnr === 'number')).toString()
  const half = rows.filter(({ target, options }) => target === 'coreml' && options.precision !== 'fp32')
  const values: Readonly<Record<string, string>> = {
    transcript: await transcript(),
    families: `${Object.keys(families).length}`,
    rows: `${rows.length}`,
    original: lowest('original', rows),
    onnx: lowest('onnx', rows),
    total: lowest('total', half),
    'gate original': `${gates['original fp16']}`,
    'gate onnx': `${gates['onnx fp32']}`,
    'gate total': `${gates['total fp16']}`,
  }
  return readFileSync(join(root, 'tools/docs/landing.md'), 'utf8').replace(/\{\{(.+?)\}\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`landing.md: there is no {{${name}}}`)
    return value
  })
}
