import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startVitest } from 'vitest/node'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The results of the suite of a plugin, by the title of each test. */
async function run(suite: string): Promise<ReadonlyMap<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'silane-testkit-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const outputFile = join(folder, 'results.json')
  const code = process.exitCode
  const vitest = await startVitest('test', [], {
    root,
    config: false,
    watch: false,
    include: [suite],
    reporters: ['json'],
    outputFile,
    testTimeout: 60_000,
  })
  await vitest?.close()
  // A run with failures sets the exit code of the process, which is this one's.
  process.exitCode = code
  const { testResults } = JSON.parse(readFileSync(outputFile, 'utf8')) as {
    readonly testResults: readonly { readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[]
  }
  return new Map(testResults.flatMap(({ assertionResults }) => assertionResults.map(({ fullName, status }) => [fullName, status])))
}

test('the suite finds what is wrong with a plugin', async () => {
  const results = await run('test/broken-plugin/suite.ts')
  const status = (title: string) => results.get(`plugin broken ${title}`)
  expect({
    package: status('package.json is complete'),
    fixtures: status('there are fixtures'),
    claims: status('its claims hold for fixtures'),
    numbers: status('base converts within the gates'),
    exact: status('base converts exactly in fp32'),
    twice: status('base loads the same twice'),
    missing: status('errors a missing tensor is E_TENSOR_MISSING'),
    bias: status('errors a missing bias is E_TENSOR_MISSING'),
    shape: status('errors a tensor of another shape is E_TENSOR_SHAPE'),
    task: status('errors an unknown task is E_OPTION'),
  }).toEqual({
    package: 'failed',
    fixtures: 'passed',
    // A fixture asks for an option that it does not declare.
    claims: 'failed',
    numbers: 'failed',
    exact: 'failed',
    twice: 'failed',
    missing: 'failed',
    bias: 'failed',
    shape: 'failed',
    // The host knows the tasks, and a plugin is not asked.
    task: 'passed',
  })
})

test('a case says how its conversion ends, and what follows with which settings', async () => {
  const results = await run('test/expectations/suite.ts')
  const statuses = (start: string) =>
    [...results].filter(([name]) => name.startsWith(start)).map(([name, status]) => `${name.slice(start.length)}: ${status}`)
  expect(statuses('plugin gpt2 base ')).toEqual([
    'loads the same twice: passed',
    'converts within the gates: passed',
    'converts exactly in fp32: passed',
  ])
  expect(
    [...results]
      .filter(([name]) => name.includes(' ends with exit code '))
      .map(([name, status]) => `${name.replace('plugin gpt2 ', '')}: ${status}`),
  ).toEqual([
    'refused-by-error ends with exit code 2: passed',
    'refused-by-exit ends with exit code 2: passed',
    'wrong-error ends with exit code 2: failed',
    'wrong-refusal ends with exit code 2: failed',
  ])
  // Each case twice: a cache as inputs and outputs, and as a state.
  for (const kv of ['io', 'state']) {
    const from = [0, 1, 2].flatMap(at => ['onnx', 'coreml'].map(from => `generation ${at} from ${from}`))
    expect(statuses(`generation with plugin gpt2 settings, --kv ${kv} `)).toEqual(from.map(title => `${title}: passed`))
    expect(statuses(`generation with plugin gpt2 wrong-settings, --kv ${kv} `)).toEqual(from.slice(0, 4).map(title => `${title}: failed`))
  }
  expect(statuses('generation with plugin gpt2 wrong-refusal')).toEqual([])
})
