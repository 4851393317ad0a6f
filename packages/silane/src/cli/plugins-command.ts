import { isSilaneError, type OptionSpec } from '@silane/core'
import { checkPlugins } from '../plugins/check-plugins.ts'
import { claimText } from '../plugins/claim-text.ts'
import { type ListedPlugin, listPlugins } from '../plugins/list-plugins.ts'
import { packageManager } from '../plugins/package-manager.ts'
import { formatTable } from './format.ts'
import { style, terminal } from './terminal.ts'

const bold = (text: string) => style('bold', text, process.stdout)
const dim = (text: string) => style('dim', text, process.stdout)

/** `silane plugins`: the list, and with `--check` what is wrong with it; gives the exit code. */
export async function pluginsCommand(flags: {
  readonly plugin?: string[]
  readonly json?: boolean
  readonly check?: boolean
}): Promise<number> {
  if (flags.check) return checkCommand(flags)
  const list = await listPlugins({ explicit: flags.plugin })
  if (flags.json) {
    terminal.document(list)
    return 0
  }
  for (const plugin of list.plugins) terminal.result(describe(plugin))
  for (const { package: name, version, root, reason } of list.skipped)
    terminal.result(`${bold(`${name}@${version}`)} skipped: ${reason}\n  ${dim(root)}\n`)
  for (const { package: name, via } of list.missing) terminal.result(`${bold(name)} is not installed\n  ${dim(`listed by ${via}`)}\n`)
  if (list.plugins.length + list.skipped.length + list.missing.length === 0) terminal.result(nothing(list.looked))
  return 0
}

/** The same list in short, and each problem with what mends it. */
async function checkCommand(flags: { readonly plugin?: string[]; readonly json?: boolean }): Promise<number> {
  const found = await checkPlugins({ explicit: flags.plugin })
  // Worth knowing, and nothing that is wrong.
  const advice = await adviceOnRuntime()
  if (flags.json) {
    terminal.document({ ...found, ...(advice === undefined ? {} : { advice }) })
    return found.ok ? 0 : 1
  }
  const rows = found.plugins.map(plugin => [`${plugin.package}@${plugin.version}`, plugin.id, plugin.ok ? 'ok' : 'see below', plugin.root])
  if (rows.length > 0) terminal.result(formatTable(['plugin', 'id', '', 'in'], rows, process.stdout))
  else if (found.ok) terminal.result(nothing(found.looked))
  for (const { code, what, where, next } of found.problems)
    terminal.result(
      ['', `${style('red', code, process.stdout)} ${what}`, ...(where ? [`  ${dim(where)}`] : []), ...(next ? [`  ${next}`] : [])].join(
        '\n',
      ),
    )
  if (advice !== undefined) terminal.result(`\nnote: ${advice}`)
  return found.ok ? 0 : 1
}

/** Also where there is no runtime, which stops other verbs. */
async function adviceOnRuntime(): Promise<string | undefined> {
  const { runtimeAdvice } = await import('@silane/runtime')
  return runtimeAdvice().catch(error => (isSilaneError(error) ? [error.what, error.next].filter(Boolean).join(' ') : String(error)))
}

const nothing = (looked: readonly string[]): string =>
  `No plugins. Looked in ${looked.join(', ') || 'no package.json'}.\nInstall one beside silane: ${packageManager({ project: process.cwd() }).add('@silane/plugin-<family>')}`

function describe(plugin: ListedPlugin): string {
  const lines = [
    `${bold(`${plugin.package}@${plugin.version}`)}${plugin.status === 'stable' ? '' : ` (${plugin.status})`}`,
    `  ${dim(`${plugin.root}, listed by ${plugin.via}`)}`,
    ...plugin.claims.map(claim => `  reads    ${claimText(claim)}`),
    `  tasks    ${plugin.tasks.join(', ')}`,
    ...Object.entries(plugin.options ?? {}).map(([name, spec]) => `  option   ${optionText(name, spec)}`),
    ...(plugin.problem === undefined ? [] : [`  problem  ${plugin.problem}`]),
    ...(plugin.warning === undefined ? [] : [`  warning  ${plugin.warning}`]),
  ]
  return `${lines.join('\n')}\n`
}

function optionText(name: string, { type, default: fallback, choices, doc }: OptionSpec): string {
  const kind = choices?.join('|') ?? type
  return `${name}=${kind}${fallback === undefined ? '' : ` (${fallback})`}: ${doc}`
}
