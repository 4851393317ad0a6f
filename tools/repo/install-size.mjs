// What a default install brings, measured: packs silane and the packages it needs, installs them with npm and a plugin into an empty
// folder, install scripts allowed, and runs what came out. `node tools/repo/install-size.mjs [plugin]`, after a build; needs the registry.
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { environment, root } from './setup.mjs'

const LIMIT = 60e6
const plugin = process.argv[2] ?? 'bert'
const scratch = mkdtempSync(join(tmpdir(), 'silane-install-'))

const read = file => JSON.parse(readFileSync(file, 'utf8'))
/** Bytes on the disk, as `du` counts them: whole blocks, and folders too. */
const sizeOf = path => {
  const stat = lstatSync(path)
  const within = stat.isDirectory() ? readdirSync(path) : []
  return within.reduce((sum, name) => sum + sizeOf(join(path, name)), stat.blocks * 512)
}
const run = (command, args, cwd, env = environment()) => {
  const done = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status}\n${done.stdout}${done.stderr}`)
  return done.stdout
}

/** The workspace packages that one needs when it is installed. */
function needed(name, found = new Map()) {
  const manifest = globSync('{packages,plugins}/*/package.json', { cwd: root })
    .map(file => join(root, file))
    .find(file => read(file).name === name)
  if (manifest === undefined || found.has(name)) return found
  found.set(name, dirname(manifest))
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = read(manifest)
  const wanted = [...Object.keys(dependencies), ...Object.keys(peerDependencies).filter(peer => !peerDependenciesMeta[peer]?.optional)]
  for (const other of wanted) needed(other, found)
  return found
}

try {
  const packed = join(scratch, 'packed')
  const app = join(scratch, 'app')
  for (const folder of [packed, app]) mkdirSync(folder)
  const roots = ['silane', `@silane/plugin-${plugin}`]
  const tarballs = {}
  for (const [name, folder] of roots.reduce((found, name) => needed(name, found), new Map())) {
    const out = join(packed, name.replace('/', '+'))
    mkdirSync(out)
    run('pnpm', ['pack', '--pack-destination', out], folder)
    tarballs[name] = `file:${join(out, readdirSync(out)[0])}`
  }
  const dependencies = Object.fromEntries(roots.map(name => [name, tarballs[name]]))
  const others = Object.fromEntries(Object.entries(tarballs).filter(([name]) => !roots.includes(name)))
  writeFileSync(join(app, 'package.json'), JSON.stringify({ private: true, dependencies, overrides: others }))
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts=false'], app, { ...process.env, PATH: environment().PATH })

  const modules = join(app, 'node_modules')
  const packages = globSync('**/package.json', { cwd: modules })
    .filter(file => read(join(modules, file)).version !== undefined && /(^|node_modules[\\/])(@[^\\/]+[\\/])?[^\\/]+$/.test(dirname(file)))
    .map(file => ({ name: dirname(file), size: sizeOf(join(modules, dirname(file))), manifest: read(join(modules, file)) }))
    .sort((a, b) => b.size - a.size)
  const total = sizeOf(modules)
  for (const { name, size } of packages.slice(0, 12)) console.log(`${(size / 1e6).toFixed(1).padStart(6)} MB  ${name}`)
  console.log(`${(total / 1e6).toFixed(1).padStart(6)} MB  ${packages.length} packages`)
  const scripted = packages.filter(
    ({ name, manifest: { scripts = {} } }) =>
      ['preinstall', 'install', 'postinstall'].some(script => scripts[script]) ||
      globSync('binding.gyp', { cwd: join(modules, name) }).length > 0,
  )
  const cores = packages.filter(({ name }) => name.endsWith(join('@silane', 'core')))
  const model = join(app, 'model')
  const fixtures = join(root, 'plugins', plugin, 'fixtures')
  const [fixture = ''] = readdirSync(fixtures).sort()
  cpSync(join(fixtures, fixture), model, { recursive: true })
  const said = spawnSync(join(modules, '.bin', 'silane'), ['convert', model, '--json'], { cwd: app, env: environment(), encoding: 'utf8' })
  const { ok, report } = JSON.parse(said.stdout)
  console.log(
    `converts ${fixture} of ${plugin} ${ok ? 'within' : 'outside of'} the gates in ${report?.runtime?.name} ${report?.runtime?.version}`,
  )
  if (scripted.length > 0) console.error(`with an install script: ${scripted.map(({ name }) => name).join(', ')}`)
  if (cores.length !== 1) console.error(`${cores.length} copies of the core`)
  if (total > LIMIT) console.error(`more than ${LIMIT / 1e6} MB`)
  if (!ok || scripted.length > 0 || cores.length !== 1 || total > LIMIT) process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
