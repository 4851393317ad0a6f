import { existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPackage } from '@silane/coreml'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { modelPapers } from '../src/convert/model-papers.ts'
import { readManifest } from '../src/manifest.ts'
import { copyOf, fixture, temporary } from './workspace.ts'

const quick = { seq: [24], targets: ['coreml', 'onnx'], validate: false } as const

const card =
  '---\nlicense: other\nlicense_name: rail<b>\nlicense_link: https://example.org/a?b="c"\nauthors: [Ada, Grace]\n---\n# A model\n'

test('the card and the licences of a checkpoint go along, and what they say stands in every place', async () => {
  const model = copyOf('base')
  writeFileSync(join(model, 'README.md'), card)
  writeFileSync(join(model, 'LICENSE.txt'), 'Do what you like.')
  const out = join(temporary(), 'out')
  const { report } = await convert({ model, out, ...quick })
  expect(report.notes).toEqual([])
  const manifest = readManifest(out)
  expect(manifest.model).toMatchObject({ license: 'rail<b>', licenseLink: 'https://example.org/a?b="c"' })
  expect(manifest.files).toEqual(expect.arrayContaining(['MODEL_CARD.md', 'LICENSE.txt', 'README.md']))
  expect(manifest.model.files.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', 'LICENSE.txt']))
  const read = (file: string) => readFileSync(join(out, file), 'utf8')
  expect(read('MODEL_CARD.md')).toBe(card)
  expect(read('LICENSE.txt')).toBe('Do what you like.')
  expect(read('README.md')).toContain(
    'License of the model: `rail<b>`. Its text: <https://example.org/a?b=%22c%22>. `LICENSE.txt`, `MODEL_CARD.md`: from the checkpoint, unchanged.',
  )
  expect(read('README.md')).toContain('**Shapes are fixed**')
  expect(read('report.html')).toContain('<a href="https://example.org/a?b=&quot;c&quot;">rail&lt;b&gt;</a>')
  expect((await readPackage(join(out, 'model.mlpackage'))).metadata).toMatchObject({
    shortDescription: 'BertModel (feature-extraction) of base',
    author: 'Ada, Grace',
    license: 'rail<b> (https://example.org/a?b="c")',
    version: expect.stringMatching(/^silane \d/),
  })
})

test('without a card nothing is said', async () => {
  const out = join(temporary(), 'out')
  await convert({ model: fixture('base'), out, ...quick })
  expect(existsSync(join(out, 'MODEL_CARD.md'))).toBe(false)
  expect(readManifest(out).model).not.toHaveProperty('license')
  expect(readFileSync(join(out, 'README.md'), 'utf8')).not.toContain('icense')
  expect((await readPackage(join(out, 'model.mlpackage'))).metadata).toMatchObject({ author: '', license: '' })
})

test('papers that cannot be had are notes', async () => {
  const model = copyOf('base')
  writeFileSync(join(model, 'README.md'), '---\nlicense: "mit\n---\n')
  symlinkSync('/etc/passwd', join(model, 'LICENSE'))
  mkdirSync(join(model, 'NOTICE.txt'))
  writeFileSync(join(model, 'COPYING'), '')
  truncateSync(join(model, 'COPYING'), 5e6)
  const out = join(temporary(), 'out')
  const { report, manifest } = await convert({ model, out, ...quick })
  expect(report.notes).toEqual([
    expect.stringContaining('README.md: its front matter was not read'),
    'COPYING is 5.0 MB long; at most 4.0 MB are read of such a file; it was not copied',
    expect.stringMatching(/^LICENSE .*; it was not copied$/),
    expect.stringMatching(/^NOTICE\.txt .*; it was not copied$/),
  ])
  expect(manifest.files).toContain('MODEL_CARD.md')
  expect(manifest.files.filter(file => /LICENSE|NOTICE|COPYING/.test(file))).toEqual([])
})

test('the labels of classes are in the package whose scores they name', async () => {
  const labels = fileURLToPath(new URL('../../../plugins/bert/fixtures/text-classification', import.meta.url))
  const out = join(temporary(), 'out')
  await convert({ model: labels, out, validate: false, targets: ['coreml'] })
  const { userDefined } = (await readPackage(join(out, 'model.mlpackage'))).metadata
  const { id2label } = JSON.parse(readFileSync(join(labels, 'config.json'), 'utf8'))
  expect(JSON.parse(userDefined?.id2label ?? '')).toEqual(id2label)
})

test('whose a model is: whom the card names, else the owner of its repository', () => {
  const none = { licenses: [], authors: [], baseModels: [], languages: [], notes: [] }
  const author = (id: string, revision: string | null, authors: readonly string[] = []) =>
    modelPapers({ id, revision, files: [], location: id, path: file => file, modelCard: () => ({ ...none, authors }) }).author
  expect(author('org/name', 'a')).toBe('org')
  expect(author('org/name', 'a', ['Ada'])).toBe('Ada')
  expect(author('name', 'a')).toBeUndefined()
  expect(author('org/name', null)).toBeUndefined()
})
