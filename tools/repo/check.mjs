// Every check there is, from a fresh clone: sets up, then types, lint, unused code, packages as published, tests. Ends with `N passed, M failed`.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root, setup } from './setup.mjs'
import { skippedTests } from './skipped-tests.mjs'

setup()
const scratch = mkdtempSync(join(tmpdir(), 'silane-check-'))
const results = join(scratch, 'tests.json')

/**
 * In order: what fails fastest comes first. The tests, which come last, count for themselves, the others as one each. The workflows are made from
 * the same list (`workflows.ts`); what is `affected` there runs by the task of that name, for the packages that a change concerns.
 */
const list = JSON.parse(readFileSync(join(root, 'tools/repo/checks.json'), 'utf8'))
const checks = list.filter(({ affected }) => affected !== 'test')
const tests = list.filter(({ affected }) => affected === 'test')

function run(command, quiet) {
  return new Promise(resolve => {
    const [file, ...args] = command
    const child = spawn(join(root, 'node_modules', '.bin', file), args, {
      cwd: root,
      env: environment(),
      stdio: quiet ? 'pipe' : 'inherit',
    })
    let output = ''
    child.stdout?.on('data', data => {
      output += data
    })
    child.stderr?.on('data', data => {
      output += data
    })
    child.on('error', error => resolve({ status: 1, output: String(error) }))
    child.on('close', status => resolve({ status: status ?? 1, output }))
  })
}

const left = []
let passed = 0
let failed = 0
for (const { name, command } of checks) {
  const started = performance.now()
  const { status, output } = await run(command, true)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const skipped = /^skipped: .*$/m.exec(output)?.[0]
  console.log(`${status === 0 ? (skipped ?? 'ok') : 'FAILED'}  ${name}  ${seconds} s`)
  if (status !== 0) console.log(output)
  if (skipped && status === 0) {
    left.push(`${name}: ${skipped.replace(/^skipped: /, '')}`)
    continue
  }
  status === 0 ? passed++ : failed++
}

/** What was not looked at: a check that said so, and tests that lack a model or a program. */
const skipped = [...left]
for (const { command } of tests) {
  const { status } = await run([...command, '--reporter=default', '--reporter=json', `--outputFile.json=${results}`], false)
  if (existsSync(results)) {
    const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(readFileSync(results, 'utf8'))
    passed += numPassedTests
    failed += numFailedTests > 0 ? numFailedTests : status === 0 ? 0 : Math.max(1, numFailedTestSuites)
    skipped.push(...skippedTests(testResults, root))
  } else {
    failed++
  }
}
rmSync(scratch, { recursive: true, force: true })
console.log(`${skipped.length} skipped${skipped.length > 0 ? ':' : ''}`)
for (const name of skipped) console.log(`  ${name}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > checks.length ? 0 : 1
