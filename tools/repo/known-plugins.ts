// Writes the table of our plugins from the claims in their package.json: `node tools/repo/known-plugins.ts`.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const table = join(root, 'packages/silane/src/plugins/known-plugins.ts')

interface PluginPackage {
  readonly name: string
  readonly silane: {
    readonly id: string
    readonly claims: readonly { readonly modelType?: string }[]
  }
}

const read = (file: string): PluginPackage => JSON.parse(readFileSync(join(root, file), 'utf8'))

const quoted = (key: string): string => (/^[A-Za-z_]\w*$/.test(key) ? key : `'${key}'`)

/** The source of the table. Of two plugins that claim one model type, the one that is called so has it, else the first. */
export function renderKnownPlugins(): string {
  const found = new Map<string, { readonly name: string; readonly own: boolean }>()
  for (const file of globSync('plugins/*/package.json', { cwd: root }).sort()) {
    const { name, silane } = read(file)
    for (const { modelType } of silane.claims) {
      if (modelType === undefined) continue
      const own = silane.id === modelType
      if (!found.has(modelType) || (own && found.get(modelType)?.own === false)) found.set(modelType, { name, own })
    }
  }
  const rows = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { name }]) => `  ${quoted(key)}: '${name}',`)
  return [
    '// Generated: `node tools/repo/known-plugins.ts`.',
    '',
    '/** Which of our packages reads which `model_type`, for the hint what to install. */',
    'export const knownPlugins: Readonly<Record<string, string>> = {',
    ...rows,
    '}',
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(table, renderKnownPlugins())
