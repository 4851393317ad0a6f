// Every check there is, from a fresh clone: sets up, then types, lint, unused code, packages as published, tests. Ends with `N passed, M failed`.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root, setup } from './setup.mjs'

setup()
const scratch = mkdtempSync(join(tmpdir(), 'silane-check-'))
const results = join(scratch, 'tests.json')

/** Checks that count as one each; the tests count for themselves. In order: what fails fastest comes first. */
const checks = [
  { name: 'lint', command: ['biome', 'check'] },
  { name: 'typecheck', command: ['nx', 'run-many', '-t', 'typecheck'] },
  { name: 'unused code', command: ['knip'] },
  { name: 'package lint', command: ['nx', 'run-many', '-t', 'package-lint'] },
  { name: 'interop with coremltools', command: ['node', 'tools/interop/run.mjs'] },
  { name: 'a minute of fuzzing', command: ['node', 'tools/fuzz/src/fuzz.ts', '--seconds', '60', '--seed', '1'] },
]

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

let passed = 0
let failed = 0
for (const { name, command } of checks) {
  const started = performance.now()
  const { status, output } = await run(command, true)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const skipped = /^skipped: .*$/m.exec(output)?.[0]
  console.log(`${status === 0 ? (skipped ?? 'ok') : 'FAILED'}  ${name}  ${seconds} s`)
  if (status !== 0) console.log(output)
  if (skipped && status === 0) continue
  status === 0 ? passed++ : failed++
}

const { status } = await run(['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`], false)
if (existsSync(results)) {
  const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(results, 'utf8'))
  passed += numPassedTests
  failed += numFailedTests > 0 ? numFailedTests : status === 0 ? 0 : Math.max(1, numFailedTestSuites)
} else {
  failed++
}
rmSync(scratch, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > checks.length ? 0 : 1
