import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { Client, type ClientOptions } from '@silane/registry'
import { afterEach, describe, expect, inject, test } from 'vitest'

const { url } = inject('registry')
const fixture = join(import.meta.dirname, '../../../plugins/bert/fixtures/base')

interface PackageManager {
  readonly name: string
  readonly options?: ClientOptions
  /** How silane and a plugin are installed; nothing where running them is enough. */
  readonly install?: string
  readonly silane: string
}

const packageManagers: readonly PackageManager[] = [
  { name: 'npm', install: 'npm install silane @silane/plugin-bert', silane: 'npx silane' },
  { name: 'pnpm', install: 'pnpm add silane @silane/plugin-bert', silane: 'pnpm exec silane' },
  { name: 'yarn 1', install: 'yarn add silane @silane/plugin-bert', silane: 'yarn --silent silane' },
  // Plug'n'Play gives a package what its package.json asks for and no more: whoever adds a plugin brings its peer.
  { name: 'yarn 4', options: { yarn: 'berry' }, install: 'yarn add silane @silane/core @silane/plugin-bert', silane: 'yarn silane' },
  { name: 'npm -g', install: 'npm install --global silane @silane/plugin-bert', silane: 'silane' },
  { name: 'npx -p', silane: 'npx --yes -p silane -p @silane/plugin-bert silane' },
]

let user: Client
afterEach(() => user.remove())

describe.each(packageManagers)('$name', ({ options, install, silane }) => {
  test('installs silane and a plugin from the registry alone, runs no script, and they convert', { timeout: 600_000 }, async () => {
    user = new Client(url, options)
    cpSync(fixture, join(user.folder, 'model'), { recursive: true })
    if (install !== undefined) {
      const { stdout, stderr } = await user.run(install)
      expect(`${stdout}${stderr}`).not.toMatch(/scripts?\b/i)
    }
    const listed = await user.run(`${silane} plugins`)
    expect(listed.stdout).toMatch(/^@silane\/plugin-bert@\d/)
    const converted = await user.run(`${silane} convert ./model --seq 24 --out out`)
    expect(`${converted.stdout}${converted.stderr}`).toContain('dB')
    expect(existsSync(join(user.folder, 'out/silane.json'))).toBe(true)
    expect(existsSync(join(user.folder, '.pnp.cjs'))).toBe(options?.yarn === 'berry')
  })
})
