import { statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { root } from './pages.ts'

export const repository = 'https://github.com/silane/silane'

const inRepository = /^https:\/\/github\.com\/silane\/silane\/(?:blob|tree)\/main\/([^#]+)(#.*)?$/

/** Where a link leads, as a path from the root and what stands behind it; undefined where it leaves the repository. */
function destination(page: string, link: string): { readonly path: string; readonly anchor: string } | undefined {
  const absolute = inRepository.exec(link)
  if (absolute) return { path: posix.normalize(absolute[1] ?? ''), anchor: absolute[2] ?? '' }
  if (/^[a-z]+:/i.test(link) || link.startsWith('#')) return undefined
  const [path = '', anchor] = link.split('#')
  return { path: posix.join(posix.dirname(page), path), anchor: anchor === undefined ? '' : `#${anchor}` }
}

/**
 * The text of a page with links for the site: those to what the site has go there, whether they are relative or lead to GitHub;
 * the others go to GitHub.
 * @param place where the site has a path of the repository, a file or a folder; undefined where it has not
 */
export function rewriteLinks(text: string, page: string, place: (path: string) => string | undefined): string {
  // Blocks of code are left alone: a split by fences has them at odd places.
  return text
    .split(/(^ *```[\s\S]*?^ *```$)/m)
    .map((part, index) => {
      if (index % 2 === 1) return part
      return part.replace(/\]\(([^)\s]+)\)/g, (whole, link: string) => {
        const to = destination(page, link)
        if (!to) return whole
        const own = place(to.path.replace(/\/$/, ''))
        if (own !== undefined) return `](${own}${to.anchor})`
        const kind = statSync(join(root, to.path)).isDirectory() ? 'tree' : 'blob'
        return `](${repository}/${kind}/main/${to.path}${to.anchor})`
      })
    })
    .join('')
}
