import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { linkFiles, ROOT } from '../bench.ts'
import { mutateJson } from '../mutate/json.ts'
import { type MakeCase, putFile } from '../place.ts'

const KEYS = [
  'exports',
  'main',
  'peerDependencies',
  'keywords',
  'silane',
  'apiVersion',
  'claims',
  'tasks',
  'status',
  'when',
  'config',
  'files',
  'tensors',
  'options',
]

/** A plugin's package.json, its code in place: where the block is believed, the plugin is loaded from there. */
export const pluginCase: MakeCase = ({ random, bench, input }) => {
  const names = readdirSync(join(ROOT, 'plugins')).filter(name => existsSync(join(ROOT, 'plugins', name, 'package.json')))
  const name = random.pick(names)
  const plugin = join(input, 'plugin')
  const text = readFileSync(join(ROOT, 'plugins', name, 'package.json'), 'utf8')
  putFile(join(plugin, 'package.json'), mutateJson(text, random, KEYS))
  putFile(
    join(plugin, 'src/index.ts'),
    `export { default } from ${JSON.stringify(pathToFileURL(join(ROOT, 'plugins', name, 'src/index.ts')).href)}\n`,
  )
  const json = random.once(3) ? ['--json'] : []
  if (random.once(2)) return { what: `package.json of ${name}`, run: { args: ['plugins', '--plugin', plugin, ...json] } }
  const fixture = random.pick(bench.fixtures.filter(({ plugin: own }) => own.endsWith(`/${name}`)))
  linkFiles(fixture.folder, join(input, 'model'))
  return {
    what: `package.json of ${name}`,
    run: { args: ['inspect', join(input, 'model'), '--plugin', plugin, '--plugin', fixture.plugin, ...json] },
  }
}
