import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import type { ConvertOptions } from '../src/convert/convert-options.ts'
import { temporary } from './workspace.ts'

interface Case {
  readonly plugin: string
  readonly fixture: string
  readonly options?: Partial<ConvertOptions>
}

/** Swift that is kept beside the tests, as an app would have it. */
const shown: Readonly<Record<string, Case>> = {
  segments: { plugin: 'sam', fixture: 'boxes', options: { options: { boxes: true } } },
  captions: { plugin: 'blip', fixture: 'image-to-text' },
  'placed-in-a-decoder': { plugin: 'blip2', fixture: 'opt' },
  'placed-in-an-encoder': { plugin: 'blip2', fixture: 'flan-t5' },
  classes: { plugin: 'perceiver', fixture: 'image-classification-conv' },
  embeddings: { plugin: 'bert', fixture: 'sentence-transformers' },
  'labels-of-tokens': { plugin: 'bert', fixture: 'token-classification' },
  policy: { plugin: 'decision-transformer', fixture: 'gym' },
  'several-lengths': { plugin: 'bert', fixture: 'base', options: { seq: [24, 16] } },
}

/** One of every plugin that has something of its own, and what options change. */
const checked: Readonly<Record<string, Case>> = {
  ...shown,
  'points alone': { plugin: 'sam', fixture: 'points' },
  'masks as prompts': { plugin: 'sam', fixture: 'masks', options: { options: { masks: true } } },
  'a picture that Core ML scales': { plugin: 'sam', fixture: 'points', options: { options: { 'image-input': true } } },
  'answers to questions': { plugin: 'blip', fixture: 'visual-question-answering' },
  'pictures and texts compared': { plugin: 'blip2', fixture: 'image-text-retrieval' },
  'a cut decoder behind cut encoders': { plugin: 'blip2', fixture: 'opt', options: { maxPackageBytes: 120_000 } },
  'cut parts that take their own layers': { plugin: 'blip', fixture: 'visual-question-answering', options: { maxPackageBytes: 140_000 } },
  'a cache in a state': { plugin: 'opt', fixture: 'text-generation', options: { kv: 'state', context: 32, prefill: 8 } },
  'a decoder': { plugin: 'gpt2', fixture: 'text-generation' },
  'an encoder and a decoder of texts': { plugin: 't5', fixture: 'text2text' },
  'another one': { plugin: 'bart', fixture: 'text2text' },
  fp32: { plugin: 't5', fixture: 'text2text', options: { precision: 'fp32' } },
  'functions in packages of their own': { plugin: 'opt', fixture: 'text-generation', options: { minimumOs: 'ios16' } },
  'classes of texts': { plugin: 'bert', fixture: 'text-classification' },
  'one score of a text': { plugin: 'bert', fixture: 'reranker-one-label' },
  'choices at once': { plugin: 'bert', fixture: 'multiple-choice' },
  relations: { plugin: 'unirel', fixture: 'span' },
  'answers from passages': { plugin: 'rag', fixture: 'token' },
  'passages beside a text': { plugin: 'retro', fixture: 'with-retrieval' },
  'a reader of passages': { plugin: 'realm', fixture: 'reader' },
  'flow between pictures': { plugin: 'perceiver', fixture: 'optical-flow' },
}

interface Written {
  readonly readme: string
  readonly swift: string
}

const written = new Map<string, Written>()

async function convertCase(name: string): Promise<Written> {
  const known = written.get(name)
  if (known) return known
  const { plugin, fixture, options } = checked[name]!
  const model = fileURLToPath(new URL(`../../../plugins/${plugin}/fixtures/${fixture}`, import.meta.url))
  const { out, manifest } = await convert({ model, out: join(temporary(), 'out'), validate: false, targets: ['coreml'], ...options })
  const files = manifest.files.filter(file => file.endsWith('.swift'))
  expect(files).toHaveLength(1)
  const made = { readme: readFileSync(join(out, 'README.md'), 'utf8'), swift: readFileSync(join(out, files[0] ?? ''), 'utf8') }
  written.set(name, made)
  return made
}

async function all(): Promise<Readonly<Record<string, string>>> {
  for (const name of Object.keys(checked)) await convertCase(name)
  return Object.fromEntries([...written].map(([name, { swift }]) => [name, swift]))
}

/** What a compiler would complain about first, for each module of files. */
function problems(modules: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> {
  const checker = fileURLToPath(new URL('swift/check-swift.ts', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, ['--liftoff-only', checker], { input: JSON.stringify(modules), encoding: 'utf8' }))
}

/** Debian 13 has one (swiftlang), other systems a toolchain from swift.org; SILANE_SWIFTC names it where it is not in the path. */
const swiftc = process.env.SILANE_SWIFTC ?? 'swiftc'
const compiles = spawnSync(swiftc, ['--version']).status === 0

/** What the compiler says, without running anything: against declarations of Apple's frameworks, since no Mac is here. */
function compile(folder: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(swiftc, ['-I', folder, ...args], { cwd: folder, encoding: 'utf8' })
  const said = `${stdout}${stderr}`
  return status === 0 && !/warning:/.test(said) ? '' : said
}

function stubs(): string {
  const folder = temporary()
  for (const name of ['CoreGraphics', 'CoreVideo', 'CoreML', 'Tokenizers']) {
    const source = fileURLToPath(new URL(`swift-stub/${name}.swift`, import.meta.url))
    const out = join(folder, `${name}.swiftmodule`)
    expect(compile(folder, ['-emit-module', '-parse-as-library', '-module-name', name, '-emit-module-path', out, source])).toBe('')
  }
  return folder
}

describe('the Swift of a conversion', () => {
  test.each(Object.keys(shown))('%s', async name => {
    // Versions change with every release.
    const { swift } = await convertCase(name)
    await expect(swift.replace(/(?<=by silane )[\w.-]+(?=;)/, '…')).toMatchFileSnapshot(`swift/${name}.swift`)
  })

  test('parses, and every name in it is declared once and called as it is declared', async () => {
    const files = await all()
    const found = problems(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, [text]])))
    expect(found).toEqual(Object.fromEntries(Object.keys(files).map(name => [name, []])))
  }, 120_000)

  test.skipIf(!compiles)(
    'is compiled without a warning, with texts and without, all conversions in one app (needs swiftc)',
    async () => {
      const folder = stubs()
      const files = Object.entries(await all()).map(([, text], i) => {
        // Fixtures of several plugins have the same name, and models of an app do not.
        const name = /^enum (\w+) \{/m.exec(text)?.[1] ?? ''
        const file = join(folder, `file${i}.swift`)
        writeFileSync(file, text.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `${name}${i}`))
        return file
      })
      expect(files.length).toBeGreaterThan(20)
      expect(compile(folder, ['-typecheck', ...files])).toBe('')
      rmSync(join(folder, 'Tokenizers.swiftmodule'))
      expect(compile(folder, ['-typecheck', ...files])).toBe('')
      // The compiler does look inside.
      const [file = ''] = files
      writeFileSync(file, readFileSync(file, 'utf8').replace(' throws -> MLModel {', ' throws -> MLModelConfiguration {'))
      expect(compile(folder, ['-typecheck', ...files])).toContain('cannot convert return expression')
    },
    300_000,
  )

  test('is refused where it would not compile', () => {
    const declared = 'func f(a: Int, b: Int = 1) -> Int { a + b }\n'
    const found = problems({
      syntax: ['func f( {}'],
      unknown: [declared, 'func g() -> Int { f(a: c) }\n'],
      late: ['func g() -> Int {\n  let a = b\n  let b = 1\n  return a\n}\n'],
      twice: ['func g() -> Int {\n  let a = 1\n  let a = 2\n  return a\n}\n'],
      labels: [declared, 'func g() -> Int { f(b: 1) }\n'],
      type: ['func g(_ a: Strng) {}\n'],
      fine: [declared, 'func g() -> [Int] { [f(a: 1), f(a: 1, b: 2)].map { $0 } }\n'],
    })
    expect(Object.entries(found).map(([name, list]) => [name, list.length > 0])).toEqual([
      ['syntax', true],
      ['unknown', true],
      ['late', true],
      ['twice', true],
      ['labels', true],
      ['type', true],
      ['fine', false],
    ])
  })
})

test.each([
  ['segments', '`silane segment . picture.jpg --points 40,30 --box 10,10,90,70 --from coreml`'],
  ['captions', '`silane caption . picture.jpg --from coreml`'],
  ['answers to questions', '`silane ask-image . picture.jpg --question "…" --from coreml`'],
  ['placed-in-a-decoder', '`silane caption . picture.jpg --from coreml` and `silane ask-image . picture.jpg --question "…" --from coreml`'],
  ['classes', '`silane classify . picture.jpg --from coreml`'],
  ['an encoder and a decoder of texts', '`silane generate . --text "…" --from coreml`'],
])('%s: the README.md names the command that does the same', async (name, command) => {
  expect((await convertCase(name)).readme).toContain(command)
})

test.each([
  ['embeddings', 'SentenceTransformersModel.TextReader.similarity(bread, dough)'],
  ['policy', 'try policy.act(in: state, of: &episode)'],
  ['an encoder and a decoder of texts', 'choice: .sampled(temperature: 0.7), maxTokens: 100)'],
])('%s: the README.md shows how the file is used', async (name, line) => {
  const { readme } = await convertCase(name)
  expect(readme).toContain(line)
  expect(readme).toMatch(/`\w+Model\.swift` is all that an app needs/)
})
