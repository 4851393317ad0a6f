import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { readOnnxSummary } from '../../../packages/onnx/src/index.ts'
import { convert, parseModelFlags } from '../../../packages/silane/src/index.ts'

// What torch.onnx.export writes for the same checkpoint and shapes (tools/bench/src/torch_onnx_nodes.py): a reader of our files
// finds no more movement of data in them than in those.

const root = fileURLToPath(new URL('../../..', import.meta.url))

const record = JSON.parse(readFileSync(join(root, 'tools/bench/torch-onnx-nodes.json'), 'utf8')) as {
  readonly nodes: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** Above torch's count: where a graph has few such nodes, one more is more than that and fails. */
const ALLOWED = 1.1

const scratch = mkdtempSync(join(tmpdir(), 'silane-onnx-nodes-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe.each(Object.entries(record.nodes))('the ONNX file of %s', (fixture, torch) => {
  const [plugin = '', name = ''] = fixture.split('/')
  const folder = join(root, 'plugins', plugin, 'fixtures', name)

  it('has no more reshapes and transposes than torch.onnx.export writes', async () => {
    const known = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as { readonly task: string; readonly convert?: string[] }
    const out = join(scratch, `${plugin}-${name}`)
    await convert({
      ...parseModelFlags(folder, ['--task', known.task, ...(known.convert ?? [])]),
      plugins: [join(root, 'plugins', plugin)],
      targets: ['onnx'],
      validate: false,
      out,
    })
    const { ops } = readOnnxSummary(join(out, 'onnx/model.onnx'))
    for (const op of ['Reshape', 'Transpose']) {
      expect(ops[op] ?? 0, op).toBeLessThanOrEqual((torch[op] ?? 0) * ALLOWED)
    }
  })
})

it('torch’s counts are there for every encoder fixture that is a class of transformers', () => {
  const fixtures = globSync('{albert,bert,distilbert,roberta}/fixtures/*/case.json', { cwd: join(root, 'plugins') }).flatMap(file => {
    const { source, architecture } = JSON.parse(readFileSync(join(root, 'plugins', file), 'utf8')) as Record<string, string>
    const [plugin, , name] = file.replaceAll('\\', '/').split('/')
    return source?.startsWith(`transformers ${architecture};`) ? [`${plugin}/${name}`] : []
  })
  expect(Object.keys(record.nodes).sort()).toEqual(fixtures.sort())
})
