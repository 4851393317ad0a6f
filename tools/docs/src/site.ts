import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  Application,
  Comment,
  CommentTag,
  Converter,
  type DeclarationReflection,
  Logger,
  LogLevel,
  MinimalSourceFile,
  type NormalizedPath,
  PageEvent,
  ReflectionKind,
  type TypeDocOptions,
} from 'typedoc'
import { accessible } from './accessible.ts'
import { apiCategories, apiCategory } from './api-categories.ts'
import { landingPage } from './landing.ts'
import { categories, packages, pages, root } from './pages.ts'
import { repository, rewriteLinks } from './rewrite-links.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

export interface SiteOptions {
  /** The folder that the site fills. What stands there is replaced. */
  readonly out: string
  /** Folders under packages/ whose exports are shown; all by default. */
  readonly packages?: readonly string[]
}

/** Builds the site. Gives what TypeDoc warned of, a line each. */
export async function buildSite({ out, packages: names = packages() }: SiteOptions): Promise<readonly string[]> {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const stage = mkdtempSync(join(cache, 'site-'))
  try {
    return await build(out, names, stage)
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

const readme = (name: string): string => `packages/${name}/README.md`

async function build(out: string, names: readonly string[], stage: string): Promise<readonly string[]> {
  const staged = (path: string): string => path.replaceAll(/\W+/g, '-').replace(/-md$/, '.md')
  const shown = pages()
  const places = new Map<string, string>()
  for (const path of [...shown.map(page => page.path), ...names.map(readme)]) {
    places.set(path, staged(path))
    // A link to the folder of a package is one to its page.
    if (path.endsWith('/README.md')) places.set(path.slice(0, -'/README.md'.length), staged(path))
  }
  const write = (path: string, text: string, head: Readonly<Record<string, string>> = {}): string => {
    const file = join(stage, staged(path))
    const matter = Object.entries(head).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    const front = matter.length > 0 ? `---\n${matter.join('')}---\n\n` : ''
    writeFileSync(file, front + rewriteLinks(text, path, at => places.get(at)))
    return file
  }
  const text = (path: string): string => readFileSync(join(root, path), 'utf8')
  const documents = shown.map(({ path, title, category }) => write(path, text(path), { title, category }))
  // All of them are there before the first is read: links to what is not there are no links to TypeDoc.
  const readmes = new Map(names.map(name => [packageName(name), write(readme(name), text(readme(name)).replace(/^# .*\n/, ''))]))
  const landing = write('tools/docs/landing.md', await landingPage())

  const logger = new Warnings()
  const app = await Application.bootstrap(settings(out, names, documents, landing, [...documents, landing, ...readmes.values()]))
  app.logger = logger

  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      if (!module.isDeclaration()) continue
      const file = readmes.get(module.name)
      if (file === undefined) continue
      categorise(module, 'Packages')
      // Files say where they are with slashes alone.
      const path = file.replaceAll('\\', '/') as NormalizedPath
      project.files.registerReflectionPath(path, module)
      module.readme = app.converter.parseRawComment(new MinimalSourceFile(readFileSync(file, 'utf8'), path), project.files).content
      for (const child of module.children ?? []) {
        const source = project.getSymbolIdFromReflection(child)?.fileName
        categorise(child, apiCategory(source?.split('/src/')[1] ?? ''))
      }
    }
  })
  app.renderer.on(PageEvent.END, page => {
    if (page.contents !== undefined) page.contents = accessible(page.contents, page.url)
  })

  const entryPoints = app.getEntryPoints()?.map(entry => {
    const folder = /\/packages\/([^/]+)\/src\//.exec(entry.sourceFile.fileName)?.[1]
    return folder === undefined ? entry : { ...entry, displayName: packageName(folder) }
  })
  if (!entryPoints) throw new Error(logger.said.join('\n'))
  await app.generateDocs(app.converter.convert(entryPoints), out)
  if (logger.hasErrors()) throw new Error(logger.said.join('\n'))
  return logger.said
}

class Warnings extends Logger {
  readonly said: string[] = []

  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn) this.said.push(message)
  }
}

const packageName = (folder: string): string =>
  (JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as { name: string }).name

function categorise(reflection: DeclarationReflection, category: string): void {
  reflection.comment ??= new Comment()
  reflection.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: category }]))
}

const coloured = ['bash', 'css', 'html', 'javascript', 'json', 'python', 'sh', 'swift', 'ts', 'typescript', 'yaml']

const languagesOf = (files: readonly string[]): string[] => [
  ...new Set(files.flatMap(file => [...readFileSync(file, 'utf8').matchAll(/^ *```(\w+)/gm)].map(([, language]) => language ?? ''))),
]

const settings = (
  out: string,
  names: readonly string[],
  documents: readonly string[],
  readme: string,
  texts: readonly string[],
): TypeDocOptions => ({
  name: 'silane',
  entryPoints: names.map(name => join(root, 'packages', name, 'src/index.ts')),
  entryPointStrategy: 'resolve',
  sortEntryPoints: false,
  alwaysCreateEntryPointModule: true,
  tsconfig: join(here, '../tsconfig.json'),
  // The types are checked where they are written, by the workspace's own compiler.
  skipErrorChecking: true,
  disableGit: true,
  disableSources: true,
  readme,
  projectDocuments: [...documents],
  out,
  customCss: join(here, '../style.css'),
  favicon: join(here, '../favicon.svg'),
  hideGenerator: true,
  navigation: { includeCategories: true, includeGroups: false, excludeReferences: true, includeFolders: false },
  navigationLinks: { GitHub: repository, npm: 'https://www.npmjs.com/package/silane' },
  headings: { readme: false, document: false },
  categorizeByGroup: false,
  categoryOrder: [...categories, ...apiCategories, '*'],
  defaultCategory: 'Other',
  searchInDocuments: true,
  searchInComments: true,
  includeVersion: false,
  highlightLanguages: [...coloured],
  // A page may have blocks of any other language; they stay plain.
  ignoredHighlightLanguages: languagesOf(texts).filter(language => !coloured.includes(language)),
  blockTags: ['@category', '@default', '@example', '@generated', '@param', '@remarks', '@returns', '@see', '@template', '@throws'],
  validation: { notExported: false },
  visibilityFilters: {},
})
