import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** A checkpoint that a plugin is tested with, and what there is to change in it. */
export interface Fixture {
  readonly plugin: string
  /** Its folder on the bench. */
  readonly folder: string
  /** Files below the folder. */
  readonly files: readonly string[]
  /** Names of keys that the plugin's reader of config.json has. */
  readonly keys: readonly string[]
}

/** Converted folders on the bench, by what they are for. */
export const CONVERSIONS = {
  encoder: { fixture: 'bert/base', flags: ['--seq', '8'] },
  vectors: { fixture: 'bert/sentence-transformers', flags: ['--seq', '16'] },
  decoder: { fixture: 'gpt2/text-generation', flags: ['--context', '32', '--prefill', '8'] },
  states: { fixture: 'gpt2/text-generation', flags: ['--context', '32', '--prefill', '8', '--kv', 'state'] },
  seq2seq: { fixture: 't5/text2text', flags: ['--seq', '8', '--context', '32'] },
  pixels: { fixture: 'perceiver/image-classification-conv', flags: [] },
} as const
export type Conversion = keyof typeof CONVERSIONS

/** What cases are made of: prepared once, read by every child, changed by none. */
export interface Bench {
  readonly folder: string
  readonly fixtures: readonly Fixture[]
  /** Pictures of every kind. */
  readonly pictures: readonly string[]
  converted(name: Conversion): string
  /** What it was converted from, and with which plugin. */
  source(name: Conversion): { readonly model: string; readonly plugin: string }
}

/** Where cases find it: outside their own folders, so that whatever links lead here lead out. */
export const SECRET_FILE = 'secret.txt'
export const SECRET = 'this text is nobody else’s'

/** What is no folder below a folder, by its path from there. Links to folders are not followed. */
export function filesBelow(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .flatMap(entry => (entry.isDirectory() ? filesBelow(folder, join(prefix, entry.name)) : [join(prefix, entry.name)]))
    .sort()
}

/** Puts the same files into another folder, without copying them, but for those that `without` names. */
export function linkFiles(from: string, to: string, without: (file: string) => boolean = () => false): void {
  mkdirSync(to, { recursive: true })
  for (const file of filesBelow(from)) {
    if (without(file)) continue
    mkdirSync(dirname(join(to, file)), { recursive: true })
    linkSync(join(from, file), join(to, file))
  }
}

const pluginOf = (fixture: string): string => join(ROOT, 'plugins', fixture.split('/')[0] ?? '')

/** Copies fixtures and pictures to the bench and converts some. `run` is silane's command line. */
export async function prepareBench(folder: string, run: (args: string[]) => Promise<number>): Promise<void> {
  for (const plugin of readdirSync(join(ROOT, 'plugins'))) {
    const from = join(ROOT, 'plugins', plugin, 'fixtures')
    if (!existsSync(from)) continue
    for (const name of readdirSync(from))
      if (existsSync(join(from, name, 'config.json'))) cpSync(join(from, name), join(folder, 'fixtures', plugin, name), { recursive: true })
  }
  cpSync(join(ROOT, 'packages/images/fixtures/pictures'), join(folder, 'pictures'), { recursive: true })
  writeFileSync(join(folder, SECRET_FILE), SECRET)
  writeFileSync(join(folder, 'documents.jsonl'), DOCUMENTS.map(document => `${JSON.stringify(document)}\n`).join(''))
  for (const [name, { fixture, flags }] of Object.entries(CONVERSIONS)) {
    const out = join(folder, 'converted', name)
    const code = await run([
      'convert',
      join(folder, 'fixtures', fixture),
      '--plugin',
      pluginOf(fixture),
      '--no-validate',
      '--out',
      out,
      ...flags,
    ])
    if (code !== 0) throw new Error(`the fixture ${fixture} does not convert: exit code ${code}`)
  }
  const index = [
    'index',
    join(folder, 'converted/vectors'),
    '--documents',
    join(folder, 'documents.jsonl'),
    '--out',
    join(folder, 'index.sqlite'),
  ]
  if ((await run(index)) !== 0) throw new Error('the documents cannot be indexed')
}

const DOCUMENTS = [
  { id: 'a', title: 'One', text: 'the first of a few texts', source: 'here', meta: { page: 1 } },
  { id: 'b', text: 'another text, which is about something else' },
  { text: 'a third, without an id', meta: [1, 2, { x: null }] },
  { id: 'd', title: '', text: 'and the last' },
]

/** The bench that another process has prepared. */
export function openBench(folder: string): Bench {
  const fixtures = readdirSync(join(folder, 'fixtures'))
    .sort()
    .flatMap(plugin => {
      const reader = join(ROOT, 'plugins', plugin, 'src/config.ts')
      const keys = existsSync(reader)
        ? [...new Set([...readFileSync(reader, 'utf8').matchAll(/^\s+(\w+):/gm)].map(([, key]) => key as string))]
        : []
      return readdirSync(join(folder, 'fixtures', plugin))
        .sort()
        .map((name): Fixture => {
          const at = join(folder, 'fixtures', plugin, name)
          return { plugin: join(ROOT, 'plugins', plugin), folder: at, files: filesBelow(at), keys }
        })
    })
  return {
    folder,
    fixtures,
    pictures: filesBelow(join(folder, 'pictures'))
      .filter(file => /\.(?:png|jpe?g|webp|gif)$/.test(file))
      .map(file => join(folder, 'pictures', file)),
    converted: name => join(folder, 'converted', name),
    source: name => {
      const { fixture } = CONVERSIONS[name]
      return { model: join(folder, 'fixtures', fixture), plugin: pluginOf(fixture) }
    },
  }
}
