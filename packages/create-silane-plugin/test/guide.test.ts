import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { Client } from '@silane/registry'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { type Step, steps, stepsOf } from './guide.ts'

// One story for the scaffold and the guide, since the guide begins with what the scaffold writes: created, installed from a registry,
// tested, changed into another model, tested, published under another scope, used by somebody else, and updated.

const { url } = inject('registry')
const author = new Client(url)
const user = new Client(url)
afterAll(() => {
  author.remove()
  user.remove()
})

/** What transformers computed, for the step in Python: `npm run goldens` at the root writes it again. */
const goldens = fileURLToPath(new URL('fixtures/electra', import.meta.url))

let at = '.'
const place = (): string => join(author.folder, at)

/** Takes a step; gives what its last line printed. */
async function take(step: Step): Promise<string> {
  let printed = ''
  if (step.kind === 'file') {
    mkdirSync(dirname(join(place(), step.path)), { recursive: true })
    writeFileSync(join(place(), step.path), step.text)
  } else if (step.kind === 'python') cpSync(goldens, join(place(), 'fixtures'), { recursive: true })
  else if (step.kind === 'user') for (const line of step.lines) printed = (await user.run(line)).stdout
  else
    for (const line of step.lines) {
      const into = /^cd (\S+)$/.exec(line)?.[1]
      if (into === undefined) printed = (await author.run(`cd ${at} && ${line}`)).stdout
      else at = join(at, into)
    }
  return printed
}

/** Takes the steps up to the one that ends with a line, that one included; gives what the line printed. */
const left = [...steps]
async function upTo(line: string): Promise<string> {
  for (let step = left.shift(); step; step = left.shift()) {
    const printed = await take(step)
    if (step.kind !== 'file' && step.lines.at(-1) === line) return printed
  }
  throw new Error(`no step of the guide ends with "${line}"`)
}

/** What vitest says at its end, the tests that do not apply included. */
const counts = (printed: string): string | undefined =>
  stripVTControlCharacters(printed)
    .match(/^ +Tests +.*$/m)?.[0]
    .trim()
    .replace(/ +/g, ' ')

const STORY = 600_000
const json = (...path: string[]): Record<string, unknown> => JSON.parse(readFileSync(join(...path), 'utf8'))

describe('the guide', () => {
  test('begins with a plugin whose tests pass with packages of the registry alone', { timeout: STORY }, async () => {
    const printed = await upTo('npm test')
    // Refused checkpoints and tied tensors, of which there are none, and nothing else: the tarball was packed and imported.
    expect(counts(printed)).toMatch(/^Tests \d+ passed \| 2 skipped/)
    expect(json(place(), 'package.json')).toMatchObject({ name: '@acme/silane-plugin-electra', silane: { id: 'electra' } })
    expect(existsSync(join(place(), 'dist/index.js'))).toBe(true)
    await author.run(`cd ${at} && npm pack --dry-run --json --ignore-scripts > packed.json`)
    const [packed] = JSON.parse(readFileSync(join(place(), 'packed.json'), 'utf8')) as [{ files: { path: string }[] }]
    const files = [
      'LICENSE',
      'README.md',
      ...['config', 'index', 'model'].flatMap(name => [`dist/${name}.d.ts`, `dist/${name}.js`]),
      'package.json',
    ]
    expect(packed.files.map(({ path }) => path).toSorted()).toEqual(files.toSorted())
  })

  test('makes it another model, whose tests pass', { timeout: STORY }, async () => {
    expect(counts(await upTo('npm test'))).toMatch(/^Tests \d+ passed \| 1 skipped/)
  })

  test('publishes it, and somebody uses it', { timeout: STORY }, async () => {
    await upTo('npm publish --access public')
    // A checkpoint as the hub has it: without what the author keeps beside it.
    const checkpoint = join(user.folder, 'electra-tiny')
    for (const name of ['config.json', 'model.safetensors']) cpSync(join(goldens, 'features', name), join(checkpoint, name))
    await upTo('npx silane verify converted/model.mlpackage')
    const { stdout } = await user.run('npx silane plugins --json')
    expect(JSON.parse(stdout)).toMatchObject({ plugins: [{ package: '@acme/silane-plugin-electra', version: '0.1.0' }] })
    expect(json(user.folder, 'converted/report.json')).toMatchObject({ ok: true })
  })

  test('releases it again, and the user gets that', { timeout: STORY }, async () => {
    for (let step = left.shift(); step; step = left.shift()) await take(step)
    expect(readFileSync(join(place(), 'CHANGELOG.md'), 'utf8')).toContain('Says what it reads.')
    const { stdout } = await user.run('npx silane plugins --json')
    expect(JSON.parse(stdout)).toMatchObject({ plugins: [{ package: '@acme/silane-plugin-electra', version: '0.1.1' }] })
  })
})

test('a page is read as it is written', () => {
  const page = '```sh\na\n\nb c\n```\n\n```ts file=src/x.ts\nx\n```\n\n```json\n{}\n```\n\n```\nnothing\n```\n\n```sh user\nd\n```\n'
  expect(stepsOf(page)).toEqual([
    { kind: 'author', lines: ['a', 'b c'] },
    { kind: 'file', path: 'src/x.ts', text: 'x\n' },
    { kind: 'user', lines: ['d'] },
  ])
  expect(() => stepsOf('```sh nobody\na\n```\n')).toThrow('"sh nobody": nobody runs it')
})
