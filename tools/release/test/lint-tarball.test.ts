import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Manifest, repack, type Tarball } from '@silane/registry'
import { afterAll, expect, inject, test } from 'vitest'
import { contentProblems, tarballProblems } from '../src/lint-tarball.ts'

const scratch = mkdtempSync(join(tmpdir(), 'silane-lint-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const original = inject('registry').tarballs.find(({ manifest }) => manifest.name === '@silane/plugin-distilbert')

const damaged = (edit: (manifest: Manifest, folder: string) => Manifest): Tarball => {
  if (original === undefined) throw new Error('no such plugin')
  return repack(original, join(scratch, 'package.tgz'), edit)
}

test('a tarball that is packed anew is as good as before', () => {
  expect(tarballProblems(damaged(manifest => manifest).path)).toEqual([])
})

test('exports of what is not there are found', () => {
  const problems = tarballProblems(damaged(manifest => ({ ...manifest, exports: { '.': './dist/nothing.js' } })).path)
  expect(problems.map(problem => /publint|attw/.exec(problem)?.[0])).toEqual(['publint', 'attw'])
})

test.each<readonly [string, (manifest: Manifest, folder: string) => Manifest, RegExp]>([
  ['a range of the workspace', manifest => ({ ...manifest, dependencies: { zod: 'workspace:^' } }), /says workspace:/],
  ['an install script', manifest => ({ ...manifest, scripts: { postinstall: 'node x.js' } }), /has the install script postinstall/],
  ['exports of TypeScript', manifest => ({ ...manifest, exports: { '.': './src/index.ts' } }), /its exports name \.\/src\/index\.ts/],
  [
    'another licence',
    (manifest, folder) => {
      appendFileSync(join(folder, 'LICENSE'), 'And more.\n')
      return manifest
    },
    /its LICENSE is not the one of the repository/,
  ],
  [
    'no licence and no changelog',
    (manifest, folder) => {
      for (const file of ['LICENSE', 'CHANGELOG.md']) rmSync(join(folder, file))
      return manifest
    },
    /it has no LICENSE\nit has no CHANGELOG\.md/,
  ],
  ['a version that its changelog lacks', manifest => ({ ...manifest, version: '9.9.9' }), /its CHANGELOG\.md says nothing of 9\.9\.9/],
  [
    'a stray file',
    (manifest, folder) => {
      writeFileSync(join(folder, 'notes.txt'), 'x')
      return manifest
    },
    /it holds package\/notes\.txt, which its files do not name/,
  ],
  [
    'the weight of weights',
    (manifest, folder) => {
      // Nothing that gzip makes small.
      writeFileSync(join(folder, 'dist/weights.bin'), crypto.getRandomValues(new Uint8Array(60_000)))
      return manifest
    },
    /it weighs \d+ kB, its budget is \d+ kB/,
  ],
  ['a name without a budget', manifest => ({ ...manifest, name: '@silane/new' }), /it has no size budget/],
])('%s is found', (_, edit, problem) => {
  const problems = contentProblems(damaged(edit)).map(line => line.replace(/^@silane\/[a-z-]+@[\d.]+: /, ''))
  expect(problems.join('\n')).toMatch(problem)
})
