import { join } from 'node:path'
import { expect, it } from 'vitest'
import { skippedTests } from '../skipped-tests.mjs'

it('tests that were not run have names, those that were have none', () => {
  const result = {
    name: join('/clone', 'packages/a/test/a.test.ts'),
    assertionResults: [
      { status: 'passed', fullName: 'runs' },
      { status: 'skipped', fullName: ' needs a model' },
      { status: 'pending', fullName: 'needs strace' },
      { status: 'failed', fullName: 'fails' },
    ],
  }
  expect(skippedTests([result], '/clone')).toEqual(['packages/a/test/a.test.ts: needs a model', 'packages/a/test/a.test.ts: needs strace'])
  expect(skippedTests([], '/clone')).toEqual([])
})
