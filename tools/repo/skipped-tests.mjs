import { relative } from 'node:path'

/** The tests that vitest's JSON report has as not run: `file: name`. */
export const skippedTests = (testResults, root) =>
  testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => ['skipped', 'pending', 'todo', 'disabled'].includes(status))
      .map(({ fullName }) => `${relative(root, name).replaceAll('\\', '/')}: ${fullName.trim()}`),
  )
