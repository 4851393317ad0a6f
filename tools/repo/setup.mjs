// Makes the workspace ready: installs Node, pnpm and every dependency as the lockfile says. Runs under any Node from 18 on, needs npm only.
// Does nothing, quickly, when nothing has changed since the last time.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')
const modules = join(root, 'node_modules')
const bin = join(modules, '.bin')
export const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
const stamp = join(modules, '.cache', 'setup')
const versions = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies

/** The environment in which the workspace's own tools come first, and no broken ones when they are not healthy. */
export const environment = (healthy = true) => {
  const path = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.startsWith(modules))
  return { ...process.env, PATH: [...(healthy ? [bin] : []), ...path].join(delimiter), ONNXRUNTIME_NODE_INSTALL: 'skip' }
}

/** What the installed tree depends on: the lockfile and every package.json. */
function state() {
  const hash = createHash('sha256')
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']
  for (const group of ['packages', 'plugins', 'tools']) {
    for (const name of existsSync(join(root, group)) ? readdirSync(join(root, group)).sort() : [])
      files.push(`${group}/${name}/package.json`)
  }
  for (const file of files) {
    if (existsSync(join(root, file))) hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

/** Whether the installed Node runs and is the one that is wanted. */
const nodeWorks = () => existsSync(node) && spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${versions.node}`

function install() {
  const command = ['pnpm', '--dir', root, 'install', '--frozen-lockfile']
  if (existsSync(modules) && !nodeWorks()) {
    console.error('setup: node_modules is incomplete, starting over')
    rmSync(modules, { recursive: true, force: true, maxRetries: 3 })
  }
  if (nodeWorks() && existsSync(join(bin, 'pnpm'))) {
    return spawnSync(join(bin, 'pnpm'), command.slice(1), { cwd: root, stdio: 'inherit', env: environment() })
  }
  // Away from the root, so that npm does not prefer what a broken node_modules holds.
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath, 'exec'] : ['npx']
  const packages = ['--yes', `--package=node@${versions.node}`, `--package=pnpm@${versions.pnpm}`, '-c']
  const quoted = command.map(word => JSON.stringify(word)).join(' ')
  return spawnSync(npm[0], [...npm.slice(1), ...packages, quoted], { cwd: tmpdir(), stdio: 'inherit', env: environment(false) })
}

/** Ends the process when it fails. */
export function setup() {
  const wanted = state()
  const ready = () => existsSync(node) && existsSync(join(bin, 'silane'))
  if (ready() && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && nodeWorks()) return
  const { status, error } = install()
  if (error) console.error(`setup: ${error.message}`)
  if (status !== 0 || !nodeWorks() || !ready()) {
    console.error('setup: the installation failed, see above')
    process.exit(1)
  }
  mkdirSync(join(modules, '.cache'), { recursive: true })
  writeFileSync(stamp, wanted)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup()
