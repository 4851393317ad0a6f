import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A Markdown page of the repository that the site shows as a document. */
export interface Page {
  /** From the root, with slashes. */
  readonly path: string
  readonly title: string
  /** The heading in the sidebar under which it stands. */
  readonly category: string
}

/** In the order of the sidebar. What no one names here comes behind, by the alphabet. */
export const categories = ['Guides', 'Reference', 'Packages', 'Plugins']

/** Guides in the order in which a person meets them. */
const guides = [
  'read-the-report',
  'use-from-swift',
  'generate-text',
  'tokenizers',
  'read-an-error',
  'ci',
  'write-a-plugin',
  'add-an-op',
  'write-a-rule',
]

const reference = [
  'docs/architecture.md',
  'docs/compatibility.md',
  'docs/errors.md',
  'docs/security.md',
  'tools/bench/README.md',
  'CONTRIBUTING.md',
  'docs/releasing.md',
  'docs/release-story.md',
]

const slashes = (path: string): string => path.replaceAll('\\', '/')

/** The first heading of a page. */
const titleOf = (path: string): string => /^# (.+)$/m.exec(readFileSync(join(root, path), 'utf8'))?.[1] ?? path

/** The pages of the site besides the landing page and the packages. A guide that is new is found by itself. */
export function pages(): readonly Page[] {
  const rank = (path: string) => {
    const at = guides.findIndex(name => path.endsWith(`/${name}.md`))
    return at < 0 ? guides.length : at
  }
  const written = globSync('docs/guides/*.md', { cwd: root })
    .map(slashes)
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  const plugins = globSync('plugins/*/README.md', { cwd: root }).map(slashes).sort()
  return [
    ...written.map(path => ({ path, title: titleOf(path), category: 'Guides' })),
    ...reference.filter(path => existsSync(join(root, path))).map(path => ({ path, title: titleOf(path), category: 'Reference' })),
    ...plugins.map(path => ({ path, title: path.split('/')[1] ?? path, category: 'Plugins' })),
  ]
}

/** The folders under packages/ in the order of the sidebar; a package that is new stands behind. */
export function packages(): readonly string[] {
  const order = [
    'silane',
    'core',
    'checkpoint',
    'coreml',
    'onnx',
    'runtime',
    'onnxruntime-wasm',
    'images',
    'documents',
    'testkit',
    'create-silane-plugin',
  ]
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return globSync('packages/*/package.json', { cwd: root })
    .map(file => slashes(file).split('/')[1] ?? file)
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}
