// Packs one package as it would be published and checks the tarball: `node tools/release/src/package-lint.ts packages/core`.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pack } from '@silane/registry'
import { tarballProblems } from './lint-tarball.ts'

const scratch = mkdtempSync(join(tmpdir(), 'silane-pack-'))
try {
  const { path } = pack(resolve(process.argv[2] ?? '.'), join(scratch, 'package.tgz'))
  const problems = tarballProblems(path)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
