import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './pages.ts'

/** What `npm run demo` converts: it is in the repository, so that no network is needed. */
const model = join(root, 'plugins/bert/fixtures/sentence-transformers')

/** What a conversion prints on this machine, today, with `demo.silane` for the folder's name. */
export async function transcript(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'silane-transcript-'))
  const out = join(folder, 'out')
  try {
    const cli = join(root, 'packages/silane/bin/silane.js')
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'convert', model, '--seq', '24', '--out', out], { cwd: root })
    return stdout.trimEnd().replaceAll(out, 'demo.silane')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
