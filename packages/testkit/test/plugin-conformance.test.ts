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
    shape: 'failed',
    // The host knows the tasks, and a plugin is not asked.
    task: 'passed',
  })
})
