import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openCheckpoint } from '../src/index.ts'
import { isLicenseFile, readModelCard } from '../src/model-card.ts'
import { temporary } from './temporary.ts'

function card(text: string) {
  const file = join(temporary(), 'README.md')
  writeFileSync(file, text)
  return readModelCard(file)
}

const nothing = { licenses: [], authors: [], baseModels: [], languages: [], notes: [] }

test('the front matter of a card, as texts', () => {
  const text = `---
license: other
license_name: "some: license"
license_link: https://example.org/license
language:
- no
- en
base_model: org/base
authors: [Ada, Grace]
version: 1.10
model-index:
- name: x
  results: [{ value: 1 }]
---
# A model
---
license: mit
`
  const found = {
    licenses: ['other'],
    licenseName: 'some: license',
    licenseLink: 'https://example.org/license',
    authors: ['Ada', 'Grace'],
    version: '1.10',
    baseModels: ['org/base'],
    languages: ['no', 'en'],
    notes: [],
  }
  expect(card(text)).toEqual(found)
  expect(card(`\uFEFF${text.replaceAll('\n', '\r\n')}`)).toEqual(found)
})

test('a card without a front matter says nothing', () => {
  for (const text of [
    '',
    '# A model\n',
    '\n---\nlicense: mit\n---\n',
    '---\n---\n',
    '----\nlicense: mit\n----\n',
    '---\n- license\n---\n',
    '---\ntext\n---\n',
  ])
    expect(card(text)).toEqual(nothing)
})

test('what is no text or no list of texts is not there', () => {
  expect(card('---\nlicense: {name: mit}\nauthor: ~\nversion:\nlanguage: [[en], {a: b}, null, de]\n---\n')).toEqual({
    ...nothing,
    languages: ['de'],
  })
  expect(card('---\nlicense: &a mit\nauthor: *a\n---\n')).toEqual({ ...nothing, licenses: ['mit'] })
})

test('texts stand on one line and command no terminal', () => {
  expect(card('---\nlicense: |\n  a\n  b\nauthor: "\\e[31m\\u202ered"\n---\n')).toEqual({
    ...nothing,
    licenses: ['a b'],
    authors: ['[31m red'],
  })
})

test('a broken front matter is a note', () => {
  const notes = (text: string) => {
    const { notes: found, ...rest } = card(text)
    expect({ ...rest, notes: [] }).toEqual(nothing)
    return found
  }
  expect(notes('---\nlicense: "mit\n---\n')).toEqual([expect.stringMatching(/^README\.md: its front matter was not read: Missing closing/)])
  expect(notes('---\nlicense: mit\n')).toEqual(['README.md: its front matter was not read: it has no end within 1048576 bytes'])
  expect(notes(`---\nlicense: ${'x'.repeat(2 << 20)}\n---\n`)).toHaveLength(1)
  expect(notes(`---\nlicense: ${'x'.repeat(2000)}\n---\n`)).toEqual(['README.md: license is too long; a part of it was left out'])
})

test('what is made to be expensive is not', () => {
  const start = performance.now()
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join()}]`),
  ]
  expect(card(`---\n${bomb.join('\n')}\nlicense: mit\nlanguage: *i\n---\n`)).toEqual({ ...nothing, licenses: ['mit'] })
  for (const deep of ['['.repeat(500_000), '{a: '.repeat(200_000), '- '.repeat(500_000), '? '.repeat(500_000), '&a '.repeat(300_000)]) {
    expect(card(`---\nlicense: mit\nx: ${deep}\n---\n`)).toEqual({ ...nothing, licenses: ['mit'] })
    expect(card(`---\nlicense: ${deep}\n---\n`).notes).toEqual([expect.stringContaining('is longer than')])
    expect(card(`---\nlicense: ${deep.slice(0, 30_000)}\n---\n`).notes).toHaveLength(1)
  }
  expect(performance.now() - start).toBeLessThan(10_000)
}, 30_000)

test('names of files with licences', () => {
  for (const name of ['LICENSE', 'LICENSE.txt', 'license.md', 'LICENCE-MIT', 'NOTICE', 'COPYING', 'LICENSE.APACHE-2.0'])
    expect(isLicenseFile(name), name).toBe(true)
  for (const name of ['README.md', 'licensed.txt', 'my LICENSE', 'sub/LICENSE', 'LICENSE.txt/x', 'noticeboard'])
    expect(isLicenseFile(name), name).toBe(false)
})

test('a checkpoint hands its card on, and counts it as used', async () => {
  const folder = temporary()
  writeFileSync(join(folder, 'config.json'), '{}')
  const without = await openCheckpoint(folder)
  expect(without.modelCard()).toBeUndefined()
  without.close()
  writeFileSync(join(folder, 'README.md'), '---\nlicense: mit\n---\n')
  const opened = await openCheckpoint(folder)
  expect(opened.used()).not.toContain('README.md')
  expect(opened.modelCard()?.licenses).toEqual(['mit'])
  expect(opened.used()).toContain('README.md')
  opened.close()
})

test('a card that is a link to elsewhere is not read', async () => {
  const [folder, other] = [temporary(), temporary()]
  writeFileSync(join(folder, 'config.json'), '{}')
  writeFileSync(join(other, 'secret'), '---\nlicense: secret\n---\n')
  symlinkSync(join(other, 'secret'), join(folder, 'README.md'))
  const opened = await openCheckpoint(folder)
  expect(() => opened.modelCard()).toThrow(expect.objectContaining({ code: 'E_FILE_LINK' }))
  opened.close()
})
