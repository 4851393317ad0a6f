import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&quot;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>' }

const decode = (text: string): string => text.replace(/&(?:amp|quot|#39|lt|gt);/g, entity => entities[entity] ?? entity)

const attributes = (html: string, names: string): string[] =>
  [...html.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, 'g'))].map(([, value]) => decode(value ?? ''))

/** What is wrong with the links of a built site, a line each: files that are not there, fragments that no element has, what leaves the folder. */
export function brokenLinks(folder: string): readonly string[] {
  const pages = globSync('**/*.html', { cwd: folder })
  const ids = new Map<string, ReadonlySet<string>>()
  const idsOf = (file: string): ReadonlySet<string> => {
    const known = ids.get(file)
    if (known) return known
    const found = new Set(attributes(readFileSync(file, 'utf8'), 'id|name'))
    ids.set(file, found)
    return found
  }
  const broken: string[] = []
  for (const page of pages) {
    const file = join(folder, page)
    for (const link of new Set(attributes(readFileSync(file, 'utf8'), 'href|src'))) {
      if (/^[a-z][a-z+.-]*:/i.test(link)) continue
      const [path = '', fragment] = link.split('#')
      const at = path === '' ? file : resolve(dirname(file), decodeURIComponent(path.replace(/\?.*$/, '')))
      if (relative(folder, at).startsWith('..')) broken.push(`${page}: ${link} leads out of the site`)
      else if (!existsSync(at) || statSync(at).isDirectory()) broken.push(`${page}: ${link} is not there`)
      else if (fragment && at.endsWith('.html') && !idsOf(at).has(decodeURIComponent(fragment)))
        broken.push(`${page}: nothing in ${link} has that id`)
    }
  }
  return broken
}
