// Has coremltools read Core ML packages: node tools/interop/run.mjs [--install] [PACKAGE…]
// Without packages it converts a few fixtures. Without a Python that has coremltools it does nothing; --install makes one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { environment, root } from '../repo/setup.mjs'

const here = import.meta.dirname
const venv = join(root, 'node_modules', '.cache', 'interop', 'python')
const python = process.platform === 'win32' ? join(venv, 'Scripts', 'python.exe') : join(venv, 'bin', 'python')

const conversions = [
  { fixture: 'bert/base' },
  { fixture: 'bert/base', more: ['--seq', '16,24'] },
  { fixture: 'bert/base', more: ['--min-os', 'ios16'] },
  { fixture: 'bert/multiple-choice' },
  { fixture: 'bert/sentence-transformers' },
  { fixture: 'roberta/base' },
  { fixture: 'albert/base' },
  { fixture: 'gpt2/text-generation', more: ['--kv', 'io'] },
  { fixture: 'gpt2/text-generation', more: ['--kv', 'state'] },
  { fixture: 't5/flan' },
  { fixture: 'bart/rebel' },
]

/** A command's status and output; status 1 when there is no such command. */
const run = (command, args, options) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28, ...options })
  return { status: status ?? 1, stdout: stdout ?? '', stderr: error?.message ?? stderr ?? '' }
}

const hasCoreml = command => run(command, ['-c', 'import importlib.metadata as m; m.version("coremltools")']).status === 0

/** Makes the Python environment; keeps one that is complete. */
function install() {
  if (existsSync(python) && hasCoreml(python)) return
  const fits = command => run(command, ['-c', 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))']).status === 0
  const base = ['python3', 'python3.12', 'python3.11', 'python3.10', 'python'].find(fits)
  if (!base) fail('interop: coremltools needs a Python from 3.10 to 3.12, and there is none on the PATH')
  rmSync(venv, { recursive: true, force: true })
  const steps = [
    [base, ['-m', 'venv', venv]],
    [python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', join(here, 'requirements.txt')]],
  ]
  for (const [command, args] of steps) {
    if (run(command, args, { stdio: 'inherit' }).status === 0) continue
    rmSync(venv, { recursive: true, force: true })
    fail(`interop: ${basename(command)} ${args.slice(0, 3).join(' ')} failed, see above`)
  }
}

function fail(message) {
  console.error(message)
  process.exit(1)
}

function findPython() {
  const named = process.env.SILANE_PYTHON
  if (named && !hasCoreml(named)) fail(`interop: SILANE_PYTHON=${named} has no coremltools`)
  return named || (existsSync(python) && hasCoreml(python) ? python : undefined)
}

const isPackage = path => path.endsWith('.mlpackage')
/** The packages in a folder; a path that is one, or that is no folder, stands for itself. */
const packagesIn = path =>
  isPackage(path) || !existsSync(path)
    ? [path]
    : readdirSync(path, { recursive: true })
        .filter(isPackage)
        .sort()
        .map(name => join(path, name))

/** Converts the fixtures into a folder: the packages with their labels, and what failed. */
function convert(folder) {
  const packages = []
  const failures = []
  for (const [index, { fixture, more = [] }] of conversions.entries()) {
    const [plugin, name] = fixture.split('/')
    const source = join(root, 'plugins', plugin, 'fixtures', name)
    const { task, convert: options } = JSON.parse(readFileSync(join(source, 'case.json'), 'utf8'))
    const kept = options.flatMap((option, at) => (at % 2 === 0 && !more.includes(option) ? [option, options[at + 1]] : []))
    const out = join(folder, `${index}.silane`)
    const args = ['convert', source, '--target', 'coreml', '--no-validate', '--task', task, ...kept, ...more, '--out', out]
    const label = [fixture, ...more].join(' ')
    const { status, stderr } = run(join(root, 'node_modules', '.bin', 'silane'), args, { env: environment() })
    const written = status === 0 ? packagesIn(out) : []
    if (written.length === 0) failures.push({ label, functions: {}, ops: 0, problems: [`conversion: ${stderr.trim()}`] })
    for (const path of written) packages.push({ path, label: `${label}: ${basename(path, '.mlpackage')}` })
  }
  return { packages, failures }
}

/** What check_package.py says of every package. */
function check(command, packages) {
  if (packages.length === 0) return []
  const { stdout, stderr } = run(command, ['-B', join(here, 'check_package.py'), ...packages.map(({ path }) => path)])
  const lines = stdout.split('\n').filter(Boolean)
  if (lines.length !== packages.length) fail(`interop: check_package.py ended early\n${stderr}`)
  return packages.map(({ label }, index) => ({ label, ...JSON.parse(lines[index]) }))
}

function print(results) {
  const rows = results.map(({ label, functions, ops, problems }) => [
    label,
    Object.keys(functions).join(', ') || '-',
    String(ops),
    problems.length === 0 ? 'ok' : `${problems.length} problem${problems.length > 1 ? 's' : ''}`,
  ])
  const table = [['package', 'functions', 'ops', 'coremltools'], ...rows]
  const widths = table[0].map((_, column) => Math.max(...table.map(row => row[column].length)))
  for (const [index, row] of table.entries()) {
    console.log(
      row
        .map((cell, column) => (column === 2 ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    for (const problem of results[index - 1]?.problems ?? []) console.log(`    ${problem.replaceAll('\n', '\n    ')}`)
  }
}

const args = process.argv.slice(2)
const unknown = args.find(arg => arg.startsWith('-') && arg !== '--install')
if (unknown) fail(`interop: unknown option ${unknown}\nusage: node tools/interop/run.mjs [--install] [PACKAGE…]`)
if (args.includes('--install') && !process.env.SILANE_PYTHON) install()
const command = findPython()
if (!command) {
  console.log('skipped: no Python with coremltools (npm run interop installs one)')
  process.exit(0)
}
// npm runs scripts in the root: a path is meant from where the command was typed.
const from = process.env.INIT_CWD ?? process.cwd()
const given = args.filter(arg => arg !== '--install').map(path => resolve(from, path))
const label = path => relative(from, path) || path
const folder = given.length > 0 ? undefined : mkdtempSync(join(tmpdir(), 'silane-interop-'))
if (folder) process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const { packages, failures } = folder
  ? convert(folder)
  : { packages: given.flatMap(packagesIn).map(path => ({ path, label: label(path) })), failures: [] }
const results = [...check(command, packages), ...failures]
const problems = results.reduce((sum, result) => sum + result.problems.length, 0)
print(results)
console.log(`${packages.length} packages, ${problems} problems`)
process.exitCode = problems > 0 || packages.length === 0 ? 1 : 0
