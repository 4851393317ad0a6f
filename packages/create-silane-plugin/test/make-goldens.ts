// Writes the template's fixture and those of the guide again: `npm run goldens`, with the requirements of template/goldens in the Python
// that PYTHON names (default: python3).
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createPlugin } from '../src/index.ts'
import { steps, stepsOf } from './guide.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'silane-goldens-'))
try {
  const plugin = join(scratch, 'plugin')
  createPlugin({ name: 'goldens', dir: plugin })
  // The commands say `npm run goldens`, which says `python3`.
  const bin = join(scratch, 'bin')
  mkdirSync(bin)
  const python = process.env.PYTHON ?? execFileSync('which', ['python3'], { encoding: 'utf8' }).trim()
  // No link: a Python of a virtual environment knows its packages by its own path.
  writeFileSync(join(bin, 'python3'), `#!/bin/sh\nexec '${python}' "$@"\n`, { mode: 0o755 })
  const env = { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) }
  const lines = [...stepsOf(readFileSync(join(plugin, 'README.md'), 'utf8')), ...steps]
    .flatMap(step => (step.kind === 'file' ? [] : step.lines))
    .filter(line => line.startsWith('npm run goldens'))
  for (const line of lines) execFileSync('sh', ['-c', line], { cwd: plugin, env, stdio: 'inherit' })
  const made = join(plugin, 'fixtures')
  cpSync(join(made, 'base'), join(root, 'template/fixtures/base'), { recursive: true })
  rmSync(join(made, 'base'), { recursive: true })
  rmSync(join(root, 'test/fixtures/electra'), { recursive: true, force: true })
  cpSync(made, join(root, 'test/fixtures/electra'), { recursive: true })
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
