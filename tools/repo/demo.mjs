// Sets the workspace up and converts a checkpoint: the one that the repository embeds, or any folder or hub id that is named.
import { spawnSync } from 'node:child_process'
import { join, relative, resolve } from 'node:path'
import { environment, root, setup } from './setup.mjs'

setup()
const given = process.argv.slice(2)
const embedded = join(root, 'plugins', 'bert', 'fixtures', 'sentence-transformers')
const out = join(root, 'demo.silane')
// npm runs scripts in the root: a path is meant from where the command was typed.
const from = process.env.INIT_CWD ?? process.cwd()
const model = given[0]?.startsWith('.') ? resolve(from, given[0]) : given[0]
const rest = given.slice(1)
const place = rest.includes('--out') ? [] : ['--out', out, '--force']
const args = model ? ['convert', model, ...place, ...rest] : ['convert', embedded, '--seq', '24', ...place]
if (!model) console.error('A tiny BERT with sentence-transformers modules, and what the original Python code computed on it:\n')
const { status, signal } = spawnSync(join(root, 'node_modules', '.bin', 'silane'), args, {
  cwd: from,
  stdio: 'inherit',
  env: environment(),
})
if (status === 0 && place.length > 0) console.error(`look closer: npx silane inspect ${relative(from, out) || '.'}`)
process.exitCode = status ?? (signal ? 130 : 1)
