import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { chunkText, type DocumentLine, documentId, readDocuments } from '../src/index.ts'

async function read(content: string | Uint8Array): Promise<DocumentLine[]> {
  const folder = mkdtempSync(join(tmpdir(), 'silane-documents-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'x.jsonl'), content)
  const lines: DocumentLine[] = []
  for await (const line of readDocuments(join(folder, 'x.jsonl'))) lines.push(line)
  return lines
}

test('lines are documents; an id that is not given is made of title and text', async () => {
  const lines = await read(
    '\uFEFF{"text": "a", "title": "t"}\n\n{"id": "1", "text": "b\\n", "source": "s", "meta": [1]}\r\n{"text": "c", "id": null}',
  )
  expect(lines).toMatchObject([
    { line: 1, document: { id: documentId('a', 't'), text: 'a', title: 't' } },
    { line: 3, document: { id: '1', text: 'b\n', source: 's', meta: [1] } },
    { line: 4, document: { id: documentId('c'), text: 'c' } },
  ])
})

test('lines that are none have a problem and a number, and the rest is kept', async () => {
  const lines = await read(
    [
      '{"text": "a"}',
      '{"text": ',
      '[]',
      '{"text": 1}',
      '{"text": " "}',
      '{"text": "b", "title": 1}',
      '{"text": "a"}',
      '{"text": "z", "id": ""}',
      '{"text": "c"}',
    ].join('\n'),
  )
  expect(lines.map(line => ('problem' in line ? `${line.line}: ${line.problem}` : line.document.text))).toEqual([
    'a',
    '2: it is no JSON',
    '3: it is no JSON object',
    '4: "text" is missing or empty',
    '5: "text" is missing or empty',
    '6: "title" is no string',
    `7: the id "${documentId('a')}" was used before`,
    '8: "id" is empty',
    'c',
  ])
})

test('a line that nests without an end is none, and what Python writes is one', async () => {
  const nested = (depth: number): string => `{"text": "a", "id": "${depth}", "meta": ${'['.repeat(depth)}${']'.repeat(depth)}}`
  expect(await read([nested(5000), nested(1e6), nested(63), '{"text": "b", "meta": [NaN]}'].join('\n'))).toMatchObject([
    { problem: 'it is JSON beyond what is read: nested too deep, or too many values' },
    { problem: 'it is JSON beyond what is read: nested too deep, or too many values' },
    { document: { id: '63' } },
    { document: { meta: [Number.NaN] } },
  ])
})

test('a file that is none is refused', async () => {
  await expect(readDocuments('./not-there.jsonl').next()).rejects.toMatchObject({ code: 'E_DOCUMENTS' })
  await expect(readDocuments(tmpdir()).next()).rejects.toMatchObject({ code: 'E_DOCUMENTS' })
})

test('long texts are cut between words, with an overlap', () => {
  const count = (text: string): number => text.trim().split(/\s+/).length
  const text = 'a b c d e f g h i j'
  expect(chunkText(text, { tokens: 4, overlap: 1, count })).toEqual(['a b c d', 'd e f g', 'g h i j'])
  expect(chunkText(text, { tokens: 4, overlap: 0, count })).toEqual(['a b c d', 'e f g h', 'i j'])
  expect(chunkText(text, { tokens: 10, overlap: 3, count })).toEqual([text])
  // An overlap as long as a piece would never come to an end.
  expect(chunkText('a b c', { tokens: 2, overlap: 2, count })).toEqual(['a b', 'b c'])
  expect(chunkText('long b', { tokens: 1, overlap: 0, count: word => word.trim().length })).toEqual(['long', 'b'])
})

test('no piece lies within the one before, whatever words count', () => {
  const count = (text: string): number => text.replaceAll(/[-\s]/g, '').length
  expect(chunkText('a b c d eeee f', { tokens: 4, overlap: 3, count })).toEqual(['a b c d', 'eeee', 'f'])
  // Words of no tokens before one that does not fit: each piece was nearly the whole text.
  const pieces = chunkText(`${'- '.repeat(20_000)}${'a'.repeat(9)}`, { tokens: 8, overlap: 2, count })
  expect(pieces.map(piece => piece.length)).toEqual([39_999, 9])
  const mixed = chunkText(`${'- - - '.repeat(5)}a b `.repeat(200), { tokens: 8, overlap: 2, count })
  expect(mixed.length).toBeLessThan(80)
  for (const [i, piece] of mixed.entries()) expect(count(piece), `${i}`).toBeLessThanOrEqual(8)
})

test('an id that the index could not tell from another is a problem of its line', async () => {
  const lines = await read(['\\ud800', '\\udfff', 'x\\u0000y', '\\ud83d\\ude00'].map(id => `{"text": "a", "id": "${id}"}`).join('\n'))
  expect(lines.map(line => ('problem' in line ? line.problem : line.document.id))).toEqual([
    '"id" holds NUL or half of a character',
    '"id" holds NUL or half of a character',
    '"id" holds NUL or half of a character',
    '😀',
  ])
})
