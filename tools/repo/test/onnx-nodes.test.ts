import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { benchPage, type Nodes, ourNodes, renderBenchPage, torchNodes } from '../onnx-nodes.ts'

// What torch.onnx.export writes for the same checkpoint and shapes (tools/bench/src/torch_onnx_nodes.py): a reader of our files
// finds no more movement of data in them than in those.

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Above torch's count: where a graph has few such nodes, one more is more than that and fails. */
const ALLOWED = 1.1

const counted: Record<string, Nodes> = {}

describe.each(Object.entries(torchNodes))('the ONNX file of %s', (fixture, torch) => {
  it('has no more reshapes and transposes than torch.onnx.export writes', async () => {
    const ours = await ourNodes(fixture)
    counted[fixture] = ours
    for (const op of ['Reshape', 'Transpose']) {
      expect(ours[op] ?? 0, op).toBeLessThanOrEqual((torch[op] ?? 0) * ALLOWED)
    }
  })
})

it('the table of the benchmarks has these counts (node tools/repo/onnx-nodes.ts)', ({ skip }) => {
  // Where some of the tests above were left out, there is nothing to compare with.
  if (Object.keys(counted).length < Object.keys(torchNodes).length) skip()
  const now = readFileSync(benchPage, 'utf8')
  expect(now).toContain('| family |')
  expect(now).toBe(renderBenchPage(now, counted))
})

it('torch’s counts are there for every encoder fixture that is a class of transformers', () => {
  const fixtures = globSync('{albert,bert,distilbert,roberta}/fixtures/*/case.json', { cwd: join(root, 'plugins') }).flatMap(file => {
    const { source, architecture } = JSON.parse(readFileSync(join(root, 'plugins', file), 'utf8')) as Record<string, string>
    const [plugin, , name] = file.replaceAll('\\', '/').split('/')
    return source?.startsWith(`transformers ${architecture};`) ? [`${plugin}/${name}`] : []
  })
  expect(Object.keys(torchNodes).sort()).toEqual(fixtures.sort())
})
