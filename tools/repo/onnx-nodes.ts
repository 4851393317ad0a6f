// The nodes of our ONNX files beside those of torch.onnx.export, by family: `node tools/repo/onnx-nodes.ts` converts the fixtures that
// tools/bench/torch-onnx-nodes.json counts and writes the table of tools/bench/README.md.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readOnnxSummary } from '../../packages/onnx/src/index.ts'
import { convert, parseModelFlags } from '../../packages/silane/src/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const benchPage = join(root, 'tools/bench/README.md')

/** Nodes by operator. */
export type Nodes = Readonly<Record<string, number>>

/** What torch writes, by plugin and fixture. */
export const { nodes: torchNodes } = JSON.parse(readFileSync(join(root, 'tools/bench/torch-onnx-nodes.json'), 'utf8')) as {
  readonly nodes: Readonly<Record<string, Nodes>>
}

/** Converts a fixture, `bert/base`, into ONNX alone and counts. */
export async function ourNodes(fixture: string): Promise<Nodes> {
  const [plugin = '', name = ''] = fixture.split('/')
  const folder = join(root, 'plugins', plugin, 'fixtures', name)
  const known = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as { readonly task: string; readonly convert?: string[] }
  const scratch = mkdtempSync(join(tmpdir(), 'silane-onnx-nodes-'))
  try {
    await convert({
      ...parseModelFlags(folder, ['--task', known.task, ...(known.convert ?? [])]),
      plugins: [join(root, 'plugins', plugin)],
      targets: ['onnx'],
      validate: false,
      out: join(scratch, 'out'),
    })
    return readOnnxSummary(join(scratch, 'out/onnx/model.onnx')).ops
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** The page with the sums of each family over its fixtures. */
export function renderBenchPage(text: string, ours: Readonly<Record<string, Nodes>>): string {
  const families = [...new Set(Object.keys(torchNodes).map(fixture => fixture.split('/')[0] ?? ''))]
  const rows = families.map(family => {
    const fixtures = Object.keys(torchNodes).filter(fixture => fixture.startsWith(`${family}/`))
    const sum = (of: Readonly<Record<string, Nodes>>, op?: string) =>
      fixtures
        .flatMap(fixture => Object.entries(of[fixture] ?? {}))
        .reduce((total, [kind, count]) => (op === undefined || kind === op ? total + count : total), 0)
    const cells = [undefined, 'Reshape', 'Transpose'].flatMap(op => [sum(torchNodes, op), sum(ours, op)])
    return `| ${family} | ${fixtures.length} | ${cells.join(' | ')} |`
  })
  const head = ['| family | fixtures | nodes: torch | silane | reshapes: torch | silane | transposes: torch | silane |']
  const table = [...head, '|---|---:|---:|---:|---:|---:|---:|---:|', ...rows]
  return text.replace(/^\| family \|.*\n(?:\|.*\n)*/m, () => `${table.join('\n')}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ours: Record<string, Nodes> = {}
  for (const fixture of Object.keys(torchNodes)) ours[fixture] = await ourNodes(fixture)
  writeFileSync(benchPage, renderBenchPage(readFileSync(benchPage, 'utf8'), ours))
}
