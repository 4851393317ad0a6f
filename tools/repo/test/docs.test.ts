import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const pages = globSync(['*.md', 'docs/**/*.md', 'packages/*/*.md', 'plugins/*/*.md', 'tools/*/*.md', 'examples/**/*.md'], {
  cwd: root,
}).map(page => page.replaceAll('\\', '/'))

/** Headings as GitHub makes anchors of them. */
const anchors = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      (heading as string)
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

it.each(pages)('links in %s lead somewhere', page => {
  const text = readFileSync(join(root, page), 'utf8')
  const broken = [...text.replaceAll(/```.*?```/gs, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link as string)
    .filter(link => !/^[a-z]+:/.test(link))
    .filter(link => {
      const [path, anchor] = link.split('#') as [string, string?]
      const target = path === '' ? join(root, page) : join(root, dirname(page), path)
      if (!existsSync(target)) return true
      return anchor !== undefined && target.endsWith('.md') && !anchors(readFileSync(target, 'utf8')).has(anchor)
    })
  expect(broken).toEqual([])
})

it('every code that a page names exists', () => {
  const known = new Set([...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/E_[A-Z0-9_]+/g)].map(([code]) => code))
  for (const page of pages.filter(page => page.startsWith('docs/') || page === 'README.md')) {
    const named = [...readFileSync(join(root, page), 'utf8').matchAll(/\bE_[A-Z0-9_]+/g)].map(([code]) => code)
    expect(
      named.filter(code => !known.has(code)),
      page,
    ).toEqual([])
  }
})

it('the README lists every package and every plugin', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const folders = globSync(['packages/*/package.json', 'plugins/*/package.json'], { cwd: root }).map(file =>
    dirname(file).replaceAll('\\', '/'),
  )
  expect(folders.filter(folder => !readme.includes(`](${folder})`))).toEqual([])
})

it('the README lists every guide', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const guides = globSync('docs/guides/*.md', { cwd: root }).map(page => page.replaceAll('\\', '/'))
  expect(guides.filter(page => !readme.includes(`](${page})`))).toEqual([])
})

it('the README lists the tasks that a plugin has', () => {
  const rows = readFileSync(join(root, 'README.md'), 'utf8').split('\n')
  for (const file of globSync('plugins/*/package.json', { cwd: root })) {
    const { silane } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { silane: { tasks: string[] } }
    const at = rows.findIndex(row => row.includes(`](${dirname(file).replaceAll('\\', '/')})`))
    const row = rows[at]?.endsWith('| the same |') ? rows[at - 1] : rows[at]
    expect(row?.split(' | ').at(-1)?.replace(' |', '').split(', '), file).toEqual(silane.tasks)
  }
})
