// The fixtures of all plugins as a silane.ci.json, and what `silane ci` measures of them: what the tables are made of.
import { createHash } from 'node:crypto'
import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginContract } from '../../packages/core/src/index.ts'
import { type CiResult, parseModelFlags, runShard } from '../../packages/silane/src/index.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Fixture {
  /** The folder of the plugin, which is its id. */
  readonly plugin: string
  readonly name: string
  readonly task: string
  /** Flags of `silane convert`. */
  readonly flags: readonly string[]
}

export type Options = Readonly<Record<string, string | number | boolean | readonly number[]>>

export interface CiModel {
  readonly model: string
  readonly tasks: readonly string[]
  readonly targets: readonly string[]
  readonly options: readonly Options[]
}

const folderOf = ({ plugin, name }: Fixture): string => join(root, 'plugins', plugin, 'fixtures', name)

/** Those that can be converted: others are there to be refused. */
export const fixtures = (): readonly Fixture[] =>
  globSync('plugins/*/fixtures/*/case.json', { cwd: root })
    .map(file => file.replaceAll('\\', '/'))
    .sort()
    .flatMap(file => {
      const [, plugin = '', , name = ''] = file.split('/')
      const {
        task,
        convert = [],
        expect,
      } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { task: string; convert?: string[]; expect?: object }
      return expect ? [] : [{ plugin, name, task, flags: convert }]
    })

/** Of all that a figure of a fixture depends on but for the code. */
export function digestOf(fixture: Fixture): string {
  const hash = createHash('sha256')
  for (const file of readdirSync(folderOf(fixture), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folderOf(fixture), join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort())
    hash.update(`${file}\0`).update(readFileSync(join(folderOf(fixture), file)))
  return hash.digest('hex').slice(0, 16)
}

/** Flags as an option set of silane.ci.json. They are read as the command line reads them first, so that none is lost. */
export function optionsOf(flags: readonly string[]): Options {
  parseModelFlags('.', flags)
  const options: Record<string, string | number | boolean> = {}
  for (let i = 0; i < flags.length; i += 2) {
    const [flag = '', text = ''] = flags.slice(i, i + 2)
    if (!flag.startsWith('--') || text === '' || text.startsWith('--'))
      throw new Error(`${flag} ${text}: only flags with a value are known here`)
    const [name, value] =
      flag === '--option'
        ? ([text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const)
        : ([flag.slice(2), text] as const)
    options[name] = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value === 'true' || value === 'false' ? value === 'true' : value
  }
  return options
}

/** The tasks of a plugin that have the option `kv`. */
async function tasksWithCache(plugin: string): Promise<readonly string[]> {
  const { default: contract } = (await import(join(root, 'plugins', plugin, 'src/index.ts'))) as { default: PluginContract }
  const spec = contract.options?.kv
  return spec ? (spec.tasks ?? [...new Set(Object.values(contract.tasks))]) : []
}

/**
 * What is converted: Core ML in fp16 and in fp32, ONNX, which is fp32 always; and of each task with a cache the first fixture with the
 * cache as a state too, which is fp16 always, unless `states` says no.
 */
export async function modelsOf(
  of: readonly Fixture[],
  from: string,
  { states = true }: { readonly states?: boolean } = {},
): Promise<readonly CiModel[]> {
  const withState = new Set<string>()
  const models: CiModel[] = []
  for (const fixture of of) {
    const { precision: _, ...options } = optionsOf(fixture.flags)
    const common = { model: relative(from, folderOf(fixture)).replaceAll('\\', '/'), tasks: [fixture.task] }
    const key = `${fixture.plugin} ${fixture.task}`
    const cached =
      states && !withState.has(key) && options.kv === undefined && (await tasksWithCache(fixture.plugin)).includes(fixture.task)
    if (cached) withState.add(key)
    const sets = options.kv === 'state' ? [options] : [options, { ...options, precision: 'fp32' }]
    models.push({ ...common, targets: ['coreml'], options: cached ? [...sets, { ...options, kv: 'state' }] : sets })
    models.push({ ...common, targets: ['onnx'], options: [options] })
  }
  return models
}

/** Writes silane.ci.json over fixtures; the paths in it count from its folder. */
export async function writeList(of: readonly Fixture[], file: string, options: { readonly states?: boolean } = {}): Promise<void> {
  writeFileSync(file, `${JSON.stringify({ models: await modelsOf(of, dirname(file), options) }, undefined, 2)}\n`)
}

export interface Measured extends CiResult {
  readonly fixture: Fixture
}

/** Converts fixtures with their own plugins, also those that another one would read too; what failed or missed a gate is told on stderr and ends the process with 1. */
export async function measure(
  of: readonly Fixture[],
  scratch: string,
  options: { readonly states?: boolean } = {},
): Promise<readonly Measured[]> {
  const config = join(scratch, 'silane.ci.json')
  await writeList(of, config, options)
  const { report } = await runShard({
    config,
    out: join(scratch, 'reports'),
    cwd: root,
    plugins: [...new Set(of.map(({ plugin }) => join(root, 'plugins', plugin)))],
    offline: true,
    onEntry: (entry, result) => result && process.stderr.write(`${result.seconds.toFixed(1)} s  ${entry.name}\n`),
  })
  return report.results.map(result => {
    if (result.exit !== 0) {
      console.error(`${result.name}: ${result.error ? `${result.error.code} ${result.error.what}` : result.misses.join('; ')}`)
      process.exitCode = 1
    }
    const fixture = of.find(each => join(scratch, result.model) === folderOf(each).replace(/[\\/]$/, ''))
    if (!fixture) throw new Error(`${result.model} is no fixture`)
    if (result.plugin && result.plugin.id !== fixture.plugin) {
      console.error(`${result.name}: was read by ${result.plugin.package}`)
      process.exitCode = 1
    }
    return { ...result, fixture }
  })
}
