import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
import { indexDocuments } from '../src/documents/index-documents.ts'
import { searchDocuments } from '../src/documents/search-documents.ts'
import { openTextEncoder } from '../src/documents/text-encoder.ts'
import { readManifest } from '../src/manifest.ts'
import { fixture, temporary } from './workspace.ts'

const model = fixture('sentence-transformers')
const texts = ['the cat sat', 'a dog ran far', 'rain in spring', 'numbers and words', 'the sea at night', 'seven birds']

async function converted(): Promise<{ folder: string; place: string }> {
  const place = temporary()
  const folder = join(place, 'encoder')
  await convert({ model, seq: [24], batch: 2, targets: ['onnx'], out: folder, validate: false })
  return { folder, place }
}

const jsonl = (place: string, lines: readonly unknown[], name = 'docs.jsonl'): string => {
  const file = join(place, name)
  writeFileSync(file, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return file
}

test('documents are embedded, found by their own words, and a second run adds what is new', async () => {
  const { folder, place } = await converted()
  const out = join(place, 'index.sqlite')
  const documents = jsonl(place, [...texts.slice(0, 4).map((text, i) => ({ id: `d${i}`, text, title: `t${i}` })), '{"text":'])
  const first = await indexDocuments({ folder, documents, out })
  expect(first).toMatchObject({ added: 4, known: 0, total: 4, cut: 0, problems: [{ line: 5, problem: 'it is no JSON' }] })
  const more = jsonl(
    place,
    texts.map((text, i) => ({ id: `d${i}`, text, title: `t${i}` })),
    'more.jsonl',
  )
  expect(await indexDocuments({ folder, documents: more, out })).toMatchObject({ added: 2, known: 4, total: 6, problems: [] })
  for (const method of ['exact', 'bits'] as const) {
    const { hits, recall } = await searchDocuments({ folder, index: out, query: texts[4]!, count: 6, method })
    expect(hits).toHaveLength(6)
    expect(hits.map(({ score }) => score)).toEqual([...hits.map(({ score }) => score)].sort((a, b) => b - a))
    expect(recall).toBe(method === 'bits' ? 1 : undefined)
  }
})

test('a document with the id of a piece of another is a problem of its line, and the rest goes in', async () => {
  const { folder, place } = await converted()
  const documents = jsonl(place, [
    { id: 'a', text: 'the cat sat by the sea at night and a dog ran far' },
    { id: 'a#1', text: 'a b' },
    { id: 'b', text: texts[3] },
  ])
  const { problems, total, added } = await indexDocuments({
    folder,
    documents,
    out: join(place, 'index.sqlite'),
    chunk: { tokens: 8, overlap: 1 },
  })
  expect(problems).toEqual([{ line: 2, problem: 'the id "a#1" was used before' }])
  expect(total).toBe(added)
  expect(total).toBeGreaterThanOrEqual(3)
})

test('a vector is what the program gives for the very ids of the text, whatever shares the call', async () => {
  const { folder } = await converted()
  const encoder = await openTextEncoder(folder)
  try {
    expect(encoder).toMatchObject({ batch: 2, metric: 'cosine', tokens: 22 })
    const together = await encoder.embed(
      texts.map(text => ({ text })),
      'document',
    )
    for (const [i, text] of texts.entries()) {
      const [alone] = await encoder.embed([{ text }], 'query')
      expect(alone!.every((value, at) => Math.abs(value - together[i]![at]!) < 1e-6)).toBe(true)
    }
    const [long, cut] = await encoder.embed([{ text: 'a '.repeat(100) }, { text: 'a '.repeat(22) }], 'document')
    expect(long).toEqual(cut)
  } finally {
    await encoder.close()
  }
})

/** The fixture with these settings of sentence-transformers, converted. */
async function withSettings(settings: object, options: Readonly<Record<string, string>> = {}): Promise<string> {
  const place = temporary()
  const checkpoint = join(place, 'checkpoint')
  cpSync(model, checkpoint, { recursive: true })
  writeFileSync(join(checkpoint, 'config_sentence_transformers.json'), JSON.stringify(settings))
  const out = join(place, 'out')
  await convert({ model: checkpoint, seq: [24], targets: ['onnx'], out, validate: false, options })
  return out
}

test('a folder’s prompts and similarity are in its manifest, and a text is embedded with the prompt of its kind', async () => {
  const prompts = { query: 'find the ', passage: 'read a ', other: 'say it ' }
  const plain = await openTextEncoder((await converted()).folder)
  const same = async (settings: object, query: string, document: string): Promise<void> => {
    const encoder = await openTextEncoder(await withSettings(settings))
    try {
      for (const [kind, prompt] of [
        ['query', query],
        ['document', document],
      ] as const) {
        const [made] = await encoder.embed([{ text: 'sea' }], kind)
        const [expected] = await plain.embed([{ text: `${prompt}sea` }], kind)
        expect(made!.every((value, at) => Math.abs(value - expected![at]!) < 1e-6)).toBe(true)
      }
    } finally {
      await encoder.close()
    }
  }
  try {
    await same({ prompts }, 'find the ', 'read a ')
    await same({ prompts: { other: 'say it ' }, default_prompt_name: 'other' }, 'say it ', 'say it ')
    // What is meant for questions is not put in front of passages.
    await same({ prompts: { query: 'find the ' }, default_prompt_name: 'query' }, 'find the ', '')
    const folder = await withSettings({ prompts, default_prompt_name: 'other', similarity_fn_name: 'dot' }, { 'truncate-dim': '8' })
    expect(readManifest(folder)).toMatchObject({
      options: { 'truncate-dim': 8 },
      sentence: { prompts, defaultPrompt: 'other', similarity: 'dot' },
    })
    const cut = await openTextEncoder(folder)
    expect(cut).toMatchObject({ dimension: 8, metric: 'dot' })
    await cut.close()
    await expect(openTextEncoder(await withSettings({ similarity_fn_name: 'manhattan' }))).rejects.toMatchObject({
      code: 'E_UNSUPPORTED',
      message: expect.stringContaining('compared by manhattan'),
    })
  } finally {
    await plain.close()
  }
})

test('an index of another model, and a folder without vectors, are refused', async () => {
  const { folder, place } = await converted()
  const out = join(place, 'index.sqlite')
  const documents = jsonl(place, [{ text: 'a b' }])
  await indexDocuments({ folder, documents, out })
  const other = join(place, 'other')
  await convert({ model: fixture('base'), seq: [24], targets: ['onnx'], out: other, validate: false })
  await expect(searchDocuments({ folder: other, index: out, query: 'a' })).rejects.toMatchObject({ code: 'E_NO_EMBEDDINGS' })
  await expect(indexDocuments({ folder, documents, out, chunk: { tokens: 4, overlap: 1 } })).rejects.toMatchObject({
    code: 'E_INDEX_MODEL',
  })
  await expect(indexDocuments({ folder, documents: join(place, 'none'), out: join(place, 'new') })).rejects.toMatchObject({
    code: 'E_DOCUMENTS',
  })
})

test('the command line: exit code 3 where lines were left out, and what was found', async () => {
  const { folder, place } = await converted()
  const [out, documents] = [join(place, 'index.sqlite'), jsonl(place, [{ text: texts[0] }, '[]'])]
  const [log, error] = [process.stdout, process.stderr].map(stream => vi.spyOn(stream, 'write').mockImplementation(() => true))
  try {
    expect(await main(['index', folder, '--documents', documents, '--out', out])).toBe(3)
    expect(error?.mock.calls.join('\n')).toContain('line 2: it is no JSON object')
    expect(await main(['search', folder, '--index', out, '--query', 'cat'])).toBe(0)
    expect(log?.mock.calls.join('\n')).toContain('the cat sat')
    expect(await main(['search', folder, '--index', fileURLToPath(import.meta.url), '--query', 'cat'])).toBe(2)
  } finally {
    log?.mockRestore()
    error?.mockRestore()
  }
})
