import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
import { indexDocuments } from '../src/documents/index-documents.ts'
import { searchDocuments } from '../src/documents/search-documents.ts'
import { openTextEncoder } from '../src/documents/text-encoder.ts'
import { installed } from './installed.ts'
import { fixture } from './workspace.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const rag = here('../../../plugins/rag')
const tokenizers = join(rag, 'test/fixtures/ask')

let place = ''
/** Folders of a text encoder, of an encoder of passages, and of a model that answers from them. */
let [sentences, passages, answers] = ['', '', '']

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'silane-documents-'))
  ;[sentences, passages, answers] = [join(place, 'sentences'), join(place, 'passages'), join(place, 'answers')]
  const checkpoint = (name: string, parts: Readonly<Record<string, string>>): string => {
    const folder = join(place, `${name}-checkpoint`)
    cpSync(join(rag, 'fixtures', name), folder, { recursive: true })
    for (const [from, to] of Object.entries(parts)) cpSync(join(tokenizers, from), join(folder, to), { recursive: true })
    return folder
  }
  const common = { targets: ['onnx'], validate: false } as const
  await convert({ ...common, model: fixture('sentence-transformers'), seq: [24], batch: 2, out: sentences })
  await convert({ ...common, model: checkpoint('context-encoder', { question_encoder_tokenizer: '.' }), seq: [40], out: passages })
  const both = { question_encoder_tokenizer: 'question_encoder_tokenizer', generator_tokenizer: 'generator_tokenizer' }
  await convert({ ...common, model: checkpoint('token', both), seq: [40], options: { context: '32', prefill: '8' }, out: answers })
})
afterAll(() => rmSync(place, { recursive: true, force: true }))

const jsonl = (name: string, lines: readonly unknown[]): string => {
  const file = join(place, name)
  writeFileSync(file, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return file
}

const documents = [
  { id: 'river', title: 'Long River', text: 'the river runs south' },
  { id: 'bird', title: 'Two Birds', text: 'a bird sings in the tree' },
  { id: 'ship', title: 'A Ship', text: 'the ship is new' },
]

/** Lines that a stream was given. */
const written = (stream: { readonly mock: { readonly calls: readonly unknown[][] } } | undefined): string =>
  (stream?.mock.calls ?? []).map(([text]) => String(text)).join('')

/** What the command line says, and its exit code. */
async function run(...words: string[]): Promise<{ code: number; out: string; error: string }> {
  const [log, error] = [process.stdout, process.stderr].map(stream => vi.spyOn(stream, 'write').mockImplementation(() => true))
  try {
    const code = await main(words)
    return { code, out: written(log), error: written(error) }
  } finally {
    log?.mockRestore()
    error?.mockRestore()
  }
}

const search = (index: string) => run('search', answers, '--index', index, '--query', 'Who sings?')
const ask = (index: string, ...more: string[]) => run('ask', answers, '--index', index, '--question', 'Who sings?', ...more)

test('a passage encoder fills the index, the other one of the pair asks', async () => {
  const [file, index] = [jsonl('pair.jsonl', documents), join(place, 'pair.sqlite')]
  expect((await run('index', passages, '--documents', file, '--out', index, '--for', answers)).code).toBe(0)
  const found = await search(index)
  expect(found.code).toBe(0)
  for (const { title, text } of documents) expect(found.out).toContain(`  ${title}\n       ${text}`)

  const told = await ask(index)
  expect(told.code).toBe(0)
  expect(told.error).toMatch(/score -?\d+\.\d{3}; found in \d+ ms, answered in \d+ ms/)
  const document = JSON.parse((await ask(index, '--json')).out)
  expect(told.out.split('\n')[0]).toBe(document.answer.trim())
  expect(document.sources).toHaveLength(2)
  for (const { title, score } of document.sources) expect(told.out).toContain(`${score.toFixed(3)}  ${title}`)
  expect(document).toMatchObject({ source: null, tokens: expect.any(Array), score: expect.any(Number) })
  const wide = JSON.parse((await ask(index, '--json', '--count', '3', '--beams', '2', '--max-new-tokens', '4')).out)
  expect(wide.sources).toHaveLength(3)
  expect(wide.tokens).toHaveLength(4)
})

test('ranks and scores are those of the cosines', async () => {
  const [file, index] = [jsonl('ranks.jsonl', documents), join(place, 'ranks.sqlite')]
  await indexDocuments({ folder: sentences, documents: file, out: index })
  const encoder = await openTextEncoder(sentences)
  const vectors = await encoder.embed([{ text: 'who sings' }, ...documents], 'document')
  await encoder.close()
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
  const [question, ...rest] = vectors as [Float32Array, ...Float32Array[]]
  const expected = rest
    .map((vector, at) => ({
      id: documents[at]!.id,
      score: dot(question, vector) / Math.sqrt(dot(question, question) * dot(vector, vector)),
    }))
    .sort((a, b) => b.score - a.score)
  const { hits } = await searchDocuments({ folder: sentences, index, query: 'who sings' })
  expect(hits.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
  for (const [at, { score }] of hits.entries()) expect(Math.abs(score - expected[at]!.score)).toBeLessThan(1e-5)
})

describe('what cannot be used has a code, and nothing is lost', () => {
  test('lines that are no documents: their numbers, and the rest is there', async () => {
    const lines = [documents[0], '{"text":', '', '[]', { text: '' }, { text: 7 }, { ...documents[1], id: 'river' }, documents[2]]
    const [file, index] = [jsonl('broken.jsonl', lines), join(place, 'broken.sqlite')]
    const { code, error } = await run('index', passages, '--documents', file, '--out', index, '--for', answers)
    expect(code).toBe(3)
    for (const line of [2, 4, 5, 6, 7]) expect(error).toContain(`line ${line}: `)
    expect((await search(index)).out.match(/Long River|A Ship/g)?.sort()).toEqual(['A Ship', 'Long River'])
    expect((await ask(index)).code).toBe(0)
  })

  test('an index of another model, of vectors of another width', async () => {
    const [file, index] = [jsonl('other.jsonl', documents), join(place, 'other.sqlite')]
    expect((await run('index', sentences, '--documents', file, '--out', index)).code).toBe(0)
    const before = readFileSync(index)
    for (const { code, error } of [await search(index), await ask(index)]) {
      expect(code).toBe(2)
      expect(error).toContain('E_INDEX_MODEL')
    }
    const more = await run('index', passages, '--documents', file, '--out', index)
    expect(more).toMatchObject({ code: 2, error: expect.stringContaining('E_INDEX_MODEL') })
    expect(readFileSync(index).equals(before)).toBe(true)
  })

  test('an index without documents', async () => {
    const [file, index] = [jsonl('none.jsonl', ['[]']), join(place, 'none.sqlite')]
    expect((await run('index', passages, '--documents', file, '--out', index, '--for', answers)).code).toBe(3)
    for (const { code, error } of [await search(index), await ask(index)]) {
      expect(code).toBe(2)
      expect(error).toContain('E_INDEX_EMPTY')
    }
  })

  test.each([
    ['in the middle', (size: number) => Math.floor(size / 2)],
    ['by a byte', (size: number) => size - 1],
    ['to nothing', () => 0],
  ])('an index that was cut short %s', async (name, left) => {
    const [file, index] = [jsonl('cut.jsonl', documents), join(place, `cut ${name}.sqlite`)]
    await run('index', passages, '--documents', file, '--out', index, '--for', answers)
    truncateSync(index, left(statSync(index).size))
    const before = readFileSync(index)
    const again = await run('index', passages, '--documents', file, '--out', index, '--for', answers)
    for (const { code, error } of [await search(index), await ask(index), again]) {
      expect(code).toBe(2)
      expect(error).toContain('E_INDEX_FILE')
    }
    expect(readFileSync(index).equals(before)).toBe(true)
  })

  test('a folder that answers nothing, and one that is none', async () => {
    const index = join(place, 'pair.sqlite')
    const { code, error } = await run('ask', passages, '--index', index, '--question', 'Who?')
    expect([code, error]).toEqual([2, expect.stringContaining('E_NO_ANSWERS')])
    expect(await run('ask', place, '--index', index, '--question', 'Who?')).toMatchObject({
      code: 2,
      error: expect.stringContaining('E_NOT_CONVERTED'),
    })
  })
})

test('without @silane/documents index, search and ask say what to install', () => {
  const { app, silane } = installed('@silane/documents')
  const file = jsonl('missing.jsonl', documents)
  for (const words of [
    ['index', passages, '--documents', file, '--out', join(app, 'index.sqlite')],
    ['search', passages, '--index', join(place, 'pair.sqlite'), '--query', 'Who?'],
    ['ask', answers, '--index', join(place, 'pair.sqlite'), '--question', 'Who?'],
  ]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(silane, 'bin/silane.js'), ...words], {
      cwd: app,
      encoding: 'utf8',
      env: { ...process.env, NODE_PATH: '' },
    })
    expect(stdout).toBe('')
    expect(stderr).toContain('E_PACKAGE_MISSING')
    expect(stderr).toContain('npm install @silane/documents')
    expect(status).toBe(2)
  }
  expect(existsSync(join(app, 'index.sqlite'))).toBe(false)
})

test('a command that is killed, and run again: nothing is lost, nothing is there twice', async () => {
  const words = 'cat dog rain sea night birds spring words numbers ran sat far'.split(' ')
  const many = Array.from({ length: 2000 }, (_, i) => ({
    id: `d${i}`,
    text: Array.from({ length: 6 }, (_, k) => words[(i * (k + 3) + k) % words.length]).join(' '),
  }))
  const [file, index, whole] = [jsonl('many.jsonl', many), join(place, 'many.sqlite'), join(place, 'whole.sqlite')]
  const given = ['index', sentences, '--documents', file, '--out', index]
  const child = spawn(process.execPath, [here('../bin/silane.js'), ...given], { stdio: 'ignore' })
  const ended = new Promise<NodeJS.Signals | null>(resolve => child.once('exit', (_, signal) => resolve(signal)))
  await vi.waitFor(() => expect(countOf(index)).toBeGreaterThan(100), { timeout: 50_000, interval: 5 })
  child.kill('SIGKILL')
  expect(await ended).toBe('SIGKILL')

  const second = JSON.parse((await run(...given, '--json')).out)
  expect(second).toMatchObject({ total: many.length, problems: [] })
  expect(second.added + second.known).toBe(many.length)
  expect(second.known).toBeGreaterThan(100)
  expect(second.added).toBeGreaterThan(0)
  await indexDocuments({ folder: sentences, documents: file, out: whole })
  expect(rowsOf(index)).toEqual(rowsOf(whole))
  const [one, other] = await Promise.all(
    [index, whole].map(each => searchDocuments({ folder: sentences, index: each, query: 'rain at night', count: 20 })),
  )
  expect(one!.hits).toEqual(other!.hits)
})

/** Documents of an index that another process is writing; 0 while there is none that can be read. */
function countOf(file: string): number {
  if (!existsSync(file)) return 0
  try {
    const db = new DatabaseSync(file, { readOnly: true })
    try {
      return Number(db.prepare('select count(*) as count from documents').get()?.count)
    } finally {
      db.close()
    }
  } catch {
    return 0
  }
}

function rowsOf(file: string): unknown[] {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return db.prepare('select number, id, text from documents order by number').all()
  } finally {
    db.close()
  }
}
