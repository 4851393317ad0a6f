import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { readTarball, type Tarball } from '@silane/registry'
import { sizeBudget } from './size-budgets.ts'

const root = join(import.meta.dirname, '../../..')
const licence = readFileSync(join(root, 'LICENSE'), 'utf8')

/** What is wrong with a packed package, a line or a tool's report each: what is checked is the file that is published. */
export function tarballProblems(path: string): string[] {
  const tarball = readTarball(path)
  return [
    ...contentProblems(tarball),
    ...toolProblems(path, 'publint', 'run', path, '--strict'),
    ...toolProblems(path, 'attw', path, '--profile', 'esm-only'),
  ]
}

function toolProblems(path: string, command: string, ...args: string[]): string[] {
  const env = { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter) }
  const { status, stdout, stderr, error } = spawnSync(join(root, 'node_modules/.bin', command), args, { env, encoding: 'utf8' })
  return status === 0 ? [] : [`${path}: ${command}\n${error ?? ''}${stdout}${stderr}`]
}

/** What is wrong with what a tarball holds, without what publint and attw say. */
export function contentProblems({ path, manifest }: Tarball): string[] {
  const { name, version } = manifest
  const files = execFileSync('tar', ['-tzf', path], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter(file => !file.endsWith('/'))
  const content = (file: string) => execFileSync('tar', ['-xzOf', path, `package/${file}`], { encoding: 'utf8' })
  const budget = sizeBudget(name)
  const kilobytes = Math.ceil(statSync(path).size / 1000)
  const problems: string[] = []
  const has = (file: string): boolean => {
    if (files.includes(`package/${file}`)) return true
    problems.push(`it has no ${file}`)
    return false
  }
  if (JSON.stringify(manifest).includes('workspace:'))
    problems.push('its package.json says workspace:, which only this repository understands')
  const sources = [...JSON.stringify(manifest.exports ?? {}).matchAll(/"([^"]+\.ts)"/g)].flatMap(([, file]) => file ?? [])
  for (const file of sources.filter(file => !file.endsWith('.d.ts')))
    problems.push(`its exports name ${file}: Node runs no TypeScript of installed packages`)
  for (const field of ['preinstall', 'install', 'postinstall']) {
    if (isRecord(manifest.scripts) && field in manifest.scripts) problems.push(`it has the install script ${field}`)
  }
  if (has('LICENSE') && content('LICENSE') !== licence) problems.push('its LICENSE is not the one of the repository')
  if (has('CHANGELOG.md') && !content('CHANGELOG.md').includes(`\n## ${version}\n`))
    problems.push(`its CHANGELOG.md says nothing of ${version}: npm run version writes it`)
  has('README.md')
  const listed = (Array.isArray(manifest.files) ? manifest.files : []).map(entry => `package/${entry}`)
  const isListed = (file: string) => listed.some(entry => file === entry || file.startsWith(`${entry}/`))
  for (const file of files.filter(file => !/^package\/(package\.json|LICENSE|README\.md)$/.test(file) && !isListed(file)))
    problems.push(`it holds ${file}, which its files do not name`)
  if (budget === undefined) problems.push('it has no size budget: tools/release/src/size-budgets.ts')
  else if (kilobytes > budget) problems.push(`it weighs ${kilobytes} kB, its budget is ${budget} kB: tools/release/src/size-budgets.ts`)
  return problems.map(problem => `${name}@${version}: ${problem}`)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
