import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startVitest } from 'vitest/node'
import { variants } from './broken-plugins/variants.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Result {
  readonly status: string
  /** Why it was skipped. */
  readonly note: string | undefined
}

/** The results of a suite, by the full name of each test. */
async function run(suite: string): Promise<ReadonlyMap<string, Result>> {
  const code = process.exitCode
  const vitest = await startVitest('test', [], { root, config: false, watch: false, include: [suite], reporters: [], testTimeout: 60_000 })
  const tests = [...vitest.state.getTestModules()].flatMap(module => {
    expect(module.errors()).toEqual([])
    return [...module.children.allTests()]
  })
  const results = tests.map(test => {
    const result = test.result()
    return [test.fullName.replaceAll(' > ', ' '), { status: result.state, note: 'note' in result ? result.note : undefined }] as const
  })
  await vitest.close()
  // A run with failures sets the exit code of the process, which is this one's.
  process.exitCode = code
  return new Map(results)
}

const suites = await run('test/broken-plugins/suite.ts')

/** What the suite says of the plugin with a fault: titles without the plugin's, which end in a certain way. */
const ended = (fault: string, status: string): readonly string[] => {
  const start = `${fault} plugin tiny `
  return [...suites]
    .filter(([name, result]) => name.startsWith(start) && result.status === status)
    .map(([name]) => name.slice(start.length))
}

test.each(Object.entries(variants))('a plugin with the fault "%s" fails the tests that are for it', (fault, { fails }) => {
  expect(ended(fault, 'failed').toSorted()).toEqual(fails.toSorted())
  expect(ended(fault, 'passed').length).toBeGreaterThan(8)
})

test('what does not apply to a plugin says so', () => {
  const skipped = [...suites].filter(([name, { status }]) => name.startsWith('none ') && status === 'skipped')
  expect(skipped.map(([name, { note }]) => `${name}: ${note}`)).toEqual([
    'none plugin tiny refused checkpoints: no fixture has "expect" in its case.json',
    'none plugin tiny any one name of a tied tensor gives the same programs: the plugin ties no tensors',
  ])
})

test('a case says how its conversion ends, and what follows with which settings', async () => {
  const results = await run('test/expectations/suite.ts')
  const statuses = (start: string) =>
    [...results].filter(([name]) => name.startsWith(start)).map(([name, { status }]) => `${name.slice(start.length)}: ${status}`)
  expect(statuses('plugin gpt2 base ')).toEqual([
    'loads the same twice: passed',
    'converts within the gates: passed',
    'converts exactly in fp32: passed',
  ])
  expect(
    [...results]
      .filter(([name]) => name.includes(' ends with exit code '))
      .map(([name, { status }]) => `${name.replace('plugin gpt2 ', '')}: ${status}`),
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
