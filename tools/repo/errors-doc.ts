// Writes docs/errors.md from the catalogues, packages/*/src/**/errors.ts: `node tools/repo/errors-doc.ts`.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { SilaneError } from '../../packages/core/src/errors.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const page = join(root, 'docs/errors.md')

interface Entry {
  readonly code: string
  readonly error: SilaneError
}

interface Catalogue {
  readonly title: string
  readonly about: string
  readonly file: string
  readonly entries: readonly Entry[]
}

/** A fact that shows its name wherever a text puts it: as a text, a number, a list of one, or a flag that is set. */
function placeholder(name: string): unknown {
  const text = `‹${name}›`
  const list: unknown[] = [text]
  return new Proxy(list, {
    get(_, key) {
      if (key === Symbol.toPrimitive || key === 'toString' || key === 'toJSON') return () => text
      if (key in list) return Reflect.get(list, key)
      const method = (text as unknown as Record<PropertyKey, unknown>)[key]
      return typeof method === 'function' ? method.bind(text) : method
    },
  })
}

const facts = new Proxy({}, { get: (_, name) => placeholder(String(name)) })

/** The catalogues of all packages, the core's first. */
export async function readCatalogues(): Promise<readonly Catalogue[]> {
  const files = globSync('packages/*/src/**/errors.ts', { cwd: root }).map(file => file.replaceAll('\\', '/'))
  files.sort((a, b) => Number(b.startsWith('packages/core/')) - Number(a.startsWith('packages/core/')) || (a < b ? -1 : 1))
  return Promise.all(files.map(readCatalogue))
}

async function readCatalogue(file: string): Promise<Catalogue> {
  const { errors } = (await import(pathToFileURL(join(root, file)).href)) as { errors: Record<string, (facts: unknown) => SilaneError> }
  const manifest = readFileSync(join(root, file.split('/').slice(0, 2).join('/'), 'package.json'), 'utf8')
  const { name } = JSON.parse(manifest) as { name: string }
  const about = /\/\*\* (Errors [^\n]*?) \*\/\nexport const errors/.exec(readFileSync(join(root, file), 'utf8'))?.[1] ?? ''
  const part = dirname(file).split('/src/')[1]
  return {
    title: part ? `${name}: ${part}` : name,
    about,
    file,
    entries: Object.entries(errors).map(([code, make]) => ({ code, error: make(facts) })),
  }
}

const exits = { 1: 'Exit code 1: a fault of ours.', 2: '', 3: 'Exit code 3: a gate was missed.' } as const

const section = ({ code, error }: Entry): string =>
  [`### ${code}`, error.what, error.where && `Looked in: ${error.where}`, error.next, exits[error.exitCode]]
    .filter(Boolean)
    .join('\n\n')
    // What becomes of a name that is reckoned with.
    .replaceAll('NaN', '‹n›')

const intro = `# Errors

Every error that silane means to give has a code that stays the same from version to version. Its text says what is wrong, where silane looked, and what to do next; with \`--json\` the parts stand in \`error.code\`, \`.what\`, \`.where\` and \`.next\`. The process ends with 2 unless an entry says otherwise. \`E_UNEXPECTED\`, with exit code 1, is everything else. Names in ‹ › stand for what an error is about. How to go about one: [read an error](guides/read-an-error.md).

This page is generated: \`node tools/repo/errors-doc.ts\`.`

export function renderErrors(catalogues: readonly Catalogue[]): string {
  const parts = catalogues.flatMap(({ title, about, file, entries }) => [
    `## ${title}`,
    `${about} [${file}](../${file})`,
    ...entries.map(section),
  ])
  return `${[intro, ...parts].join('\n\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, renderErrors(await readCatalogues()))
