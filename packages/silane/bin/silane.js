#!/usr/bin/env node
// Starts src/cli.ts (dist/cli.js when published). Under an older Node it starts itself again under the workspace's own Node, if there is
// one. Plain JavaScript without static imports, so that an old Node gets as far as the message.
const NEED = 24
const major = Number(process.versions.node.split('.')[0])

if (major >= NEED) {
  const { enableCompileCache } = await import('node:module')
  if (await hasCacheFolder()) enableCompileCache()
  const { run } = await import('silane/cli')
  await run(process.argv.slice(2))
} else {
  const node = process.env.SILANE_RESTARTED ? undefined : await findNode()
  if (node === undefined) {
    console.error(`silane needs Node ${NEED} or newer; this is ${process.version}.`)
    process.exitCode = 2
  } else await restart(node)
}

/**
 * Whether the folder of Node's compile cache is there, which is made here: Node itself would try for ever where the system makes none, as
 * below /proc. Where a person has named another one, Node has made it before this file; where there is to be none, it makes none.
 */
async function hasCacheFolder() {
  if (process.env.NODE_COMPILE_CACHE || process.env.NODE_DISABLE_COMPILE_CACHE) return true
  const { mkdirSync } = await import('node:fs')
  const { join } = await import('node:path')
  const { tmpdir } = await import('node:os')
  try {
    mkdirSync(join(tmpdir(), 'node-compile-cache'))
    return true
  } catch (error) {
    return error.code === 'EEXIST'
  }
}

/** A new enough Node installed as a package, upward from this file. Not from the working directory, which may be a stranger's checkpoint. */
async function findNode() {
  const { spawnSync } = await import('node:child_process')
  const { existsSync, realpathSync } = await import('node:fs')
  const { dirname, join } = await import('node:path')
  const { fileURLToPath } = await import('node:url')
  const start = dirname(realpathSync(fileURLToPath(import.meta.url)))
  for (let folder = start, last = ''; folder !== last; last = folder, folder = dirname(folder)) {
    for (const file of ['node/bin/node', '.bin/node']) {
      const node = join(folder, 'node_modules', file)
      if (!existsSync(node)) continue
      const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
      if (stdout && Number(stdout.slice(1).split('.')[0]) >= NEED) return node
    }
  }
  return undefined
}

/** Runs this file under `node` with the same arguments, input and output; passes signals on and takes over the way it ends. */
async function restart(node) {
  const { spawn } = await import('node:child_process')
  const { fileURLToPath } = await import('node:url')
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, SILANE_RESTARTED: '1' },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal))
  const [code, signal] = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (...end) => resolve(end))
  })
  if (signal) {
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  } else process.exitCode = code
}
