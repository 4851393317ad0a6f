import { join } from 'node:path'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { bertPlugin, fixture, temporary } from './workspace.ts'

/** BERT's plugin with a comparison of its own that gives `report`. */
const withComparison = (report: object): string =>
  bertPlugin('own-comparison', `export default { ...bert, validate: async () => (${JSON.stringify(report)}) }`)

const own = {
  program: 'model',
  function: 'main',
  output: 'ranking',
  line: 'total',
  actual: 'package',
  expected: 'source graph',
  psnr: 12,
  maxAbs: 1,
  cosine: 0.9,
  worst: 12,
  gate: 40,
}

test.each([true, false])('what a plugin compares joins what every plugin is held to: %s', async ok => {
  const plugin = withComparison({ ok, comparisons: [{ ...own, ok }], notes: ['ranked by the plugin'] })
  const result = await convert({
    model: fixture('base'),
    seq: [24],
    plugins: [plugin],
    out: join(temporary(), 'out'),
  })
  expect(result.comparisons.map(({ output }) => output)).toEqual(expect.arrayContaining(['last_hidden_state', 'pooler_output', 'ranking']))
  expect(result.report.notes).toContain('ranked by the plugin')
  expect(result.ok).toBe(ok)
})
