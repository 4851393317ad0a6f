import type { OptionSpec } from '@silane/core'
import { type ListedPlugin, listPlugins } from '../plugins/list-plugins.ts'
import type { Claim } from '../plugins/plugin-manifest.ts'
import { style, terminal } from './terminal.ts'

const bold = (text: string) => style('bold', text, process.stdout)
const dim = (text: string) => style('dim', text, process.stdout)

/** `silane plugins`. */
export async function pluginsCommand(flags: { readonly plugin?: string[]; readonly json?: boolean }): Promise<number> {
  const list = await listPlugins({ explicit: flags.plugin })
  if (flags.json) {
    terminal.document(list)
    return 0
  }
  for (const plugin of list.plugins) terminal.result(describe(plugin))
  for (const { package: name, version, root, reason } of list.skipped)
    terminal.result(`${bold(`${name}@${version}`)} skipped: ${reason}\n  ${dim(root)}\n`)
  if (list.plugins.length === 0 && list.skipped.length === 0)
    terminal.result(
      `No plugins. Looked in ${list.looked.join(', ') || 'no package.json'}.\nInstall one beside silane: npm install @silane/plugin-<family>`,
    )
  return 0
}

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

function claimText({ modelType, architectures, when }: Claim): string {
  const parts = [
    ...(modelType === undefined ? [] : [modelType]),
    ...(architectures ? [`(${architectures.join(', ')})`] : []),
    ...Object.entries(when?.config ?? {}).map(([key, value]) => `config ${key} = ${JSON.stringify(value)}`),
    ...(when?.files ?? []).map(file => `file ${file}`),
    ...(when?.tensors ?? []).map(tensor => `tensor ${tensor}`),
    ...Object.entries(when?.options ?? {}).map(([name, value]) => `option ${name}=${value}`),
  ]
  return parts.join(', ').replace(', (', ' (')
}

function optionText(name: string, { type, default: fallback, choices, doc }: OptionSpec): string {
  const kind = choices?.join('|') ?? type
  return `${name}=${kind}${fallback === undefined ? '' : ` (${fallback})`}: ${doc}`
}
