import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageOf } from '../compatibility.ts'
import { root } from '../fixtures.ts'
import { optionsOfPlugin, renderReadmes } from '../readmes.ts'

const slashes = (path: string): string => path.replaceAll('\\', '/')
const published = globSync(['packages/*/package.json', 'plugins/*/package.json'], { cwd: root }).map(file => slashes(dirname(file)))
const plugins = published.filter(folder => folder.startsWith('plugins/')).map(folder => folder.slice('plugins/'.length))

const withoutCode = (text: string): string => text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
const linksOf = (text: string): string[] => [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string)
const readme = (folder: string): string => readFileSync(join(root, folder, 'README.md'), 'utf8')

/** The parts of a README by their heading. */
const sections = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map(part => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))]),
  )

it.each(published)('README of %s: relative links lead to what is on npm too', folder => {
  const { files } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { files: string[] }
  // npm packs these whatever `files` says.
  const packed = [...files.filter(file => !file.startsWith('!')), 'README.md', 'package.json', 'LICENSE', 'CHANGELOG.md']
  const outside = linksOf(readme(folder))
    .filter(link => !/^(?:[a-z]+:|#)/.test(link))
    .filter(link => {
      const path = posix.normalize(link.split('#')[0] ?? '')
      return !packed.some(file => path === file || path.startsWith(`${file}/`))
    })
  expect(outside).toEqual([])
})

describe.each(plugins)('README of plugin %s', id => {
  const text = readme(`plugins/${id}`)
  const parts = sections(text)

  it('has the headings of all plugins in their order', () => {
    const headings = [...parts.keys()]
    expect(text.split('\n')[0]).toBe(`# ${packageOf(id).name}`)
    expect(headings.slice(0, 3)).toEqual(['Checkpoints', 'Heads', 'Options'])
    expect(headings.slice(-2)).toEqual(['Gates', 'Licence'])
  })

  it('names every task and every option', async () => {
    const heads = parts.get('Heads') ?? ''
    expect(packageOf(id).silane.tasks.filter(task => !heads.includes(`| ${task} |`))).toEqual([])
    const options = parts.get('Options') ?? ''
    const declared = Object.keys(await optionsOfPlugin(id))
    expect(declared.length).toBeGreaterThan(0)
    expect(declared.filter(name => !options.includes(`\`--${name}\``) && !options.includes(`\`--option ${name}=`))).toEqual([])
  })

  it('says what is Apache-2.0 and what has another licence', () => {
    expect(parts.get('Licence')).toContain('Apache-2.0')
    expect(parts.get('Licence')).toContain('a checkpoint has the licence that its authors gave it')
  })
})

it('options, gates and the table of all plugins are those that are declared and measured (node tools/repo/readmes.ts)', async () => {
  const rendered = await renderReadmes()
  expect(rendered.length).toBe(plugins.length + 1)
  for (const { file, now, wanted } of rendered) {
    expect(now, slashes(relative(root, file))).toBe(wanted)
    expect(now.match(/^\| \*gate\* /gm)?.length, slashes(relative(root, file))).toBe(1)
  }
})

it('links to the repository lead somewhere', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', 'packages/*/README.md', 'plugins/*/README.md', 'tools/*/*.md'], { cwd: root })
  const broken = pages.flatMap(page =>
    linksOf(readFileSync(join(root, page), 'utf8')).flatMap(link => {
      const path = /^https:\/\/github\.com\/silane\/silane\/(?:blob|tree)\/main\/([^#]+)/.exec(link)?.[1]
      return path !== undefined && !existsSync(join(root, path)) ? [`${slashes(page)}: ${link}`] : []
    }),
  )
  expect(broken).toEqual([])
})
