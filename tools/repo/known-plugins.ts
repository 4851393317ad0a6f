// Writes the table of our plugins from the claims in their package.json: `node tools/repo/known-plugins.ts`.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const table = join(root, 'packages/silane/src/plugins/known-plugins.ts')

interface PluginPackage {
  readonly name: string
  readonly silane: { readonly id: string; readonly claims: readonly object[] }
}

const read = (file: string): PluginPackage => JSON.parse(readFileSync(join(root, file), 'utf8'))

/** The source of the table: every claim of every plugin, as its package.json has it. */
export function renderKnownPlugins(): string {
  const rows = globSync('plugins/*/package.json', { cwd: root })
    .sort()
    .flatMap(file => {
      const { name, silane } = read(file)
      const claims = silane.claims.map(claim => `      ${JSON.stringify(claim)},`)
      return [`  {`, `    package: '${name}',`, `    id: '${silane.id}',`, '    claims: [', ...claims, '    ],', '  },']
    })
  return [
    '// Generated: `node tools/repo/known-plugins.ts`.',
    "import type { Claim } from './plugin-manifest.ts'",
    '',
    '/** A plugin of ours, installed or not. */',
    'export interface KnownPlugin {',
    '  readonly package: string',
    '  readonly id: string',
    '  readonly claims: readonly Claim[]',
    '}',
    '',
    '/** What our plugins claim, for the hint what to install. */',
    '// biome-ignore format: a line for each claim',
    'export const knownPlugins: readonly KnownPlugin[] = [',
    ...rows,
    ']',
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(table, renderKnownPlugins())
