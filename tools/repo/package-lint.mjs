// Packs a package as it would be published and checks the tarball: publint for the manifest, attw for the types.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { environment, root } from './setup.mjs'

const folder = resolve(root, process.argv[2] ?? '.')
const scratch = mkdtempSync(join(tmpdir(), 'silane-pack-'))
const run = (command, ...args) => {
  const done = spawnSync(join(root, 'node_modules', '.bin', command), args, { cwd: folder, env: environment(), encoding: 'utf8' })
  if (done.status === 0) return
  console.error(`${command} ${args.join(' ')}\n${done.stdout}${done.stderr}`)
  process.exitCode = 1
}
try {
  run('pnpm', 'pack', '--pack-destination', scratch)
  const [tarball] = readdirSync(scratch)
  if (tarball) {
    run('publint', 'run', join(scratch, tarball), '--strict')
    run('attw', join(scratch, tarball), '--profile', 'esm-only')
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
