import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTokenizer } from '../src/generate/open-tokenizer.ts'
import { buildCase, pairs, readGolden, sources, texts } from './tokenizer-goldens.ts'
import { temporary } from './workspace.ts'

/** The rows that are not as expected, with what they are made of. */
const differences = <T>(rows: readonly T[], expected: readonly T[], from: (at: number) => unknown) =>
  rows.flatMap((row, at) => (JSON.stringify(row) === JSON.stringify(expected[at]) ? [] : [{ from: from(at), row, expected: expected[at] }]))

const open = async (name: string) => {
  const { folder, within } = await buildCase(name, temporary())
  const tokenizer = await openTokenizer(folder, within)
  if (!tokenizer) throw new Error(`${name} has no tokenizer.json`)
  // The library refuses to decode nothing.
  const decode = (row: readonly number[], skip: boolean): string =>
    row.length === 0 ? '' : tokenizer.decode(row, { skip_special_tokens: skip })
  return { tokenizer, decode }
}

test('there are 200 texts', () => expect(new Set(texts).size).toBe(200))

describe.each(Object.keys(sources))('%s', name => {
  const golden = readGolden(name)

  test.runIf(golden.file)('tokenizer.json is the one that transformers saves', async () => {
    const { folder, within } = await buildCase(name, temporary())
    const { model, ...file } = JSON.parse(readFileSync(join(folder, within, 'tokenizer.json'), 'utf8'))
    const { vocab, merges = [], ...rest } = model
    expect({ ...file, model: rest }).toEqual(golden.file)
    expect([Object.keys(vocab).length, merges.length]).toEqual(golden.sizes)
  })

  test('ids of texts and of pairs are those of transformers', async () => {
    const { tokenizer } = await open(name)
    const text = (at: number): string => texts[at] ?? ''
    const ids = texts.map(each => tokenizer.encode(each).ids as number[])
    expect(differences(ids, golden.ids, text)).toEqual([])
    const bare = golden.bare.map((_, at) => tokenizer.encode(text(at), { add_special_tokens: false }).ids as number[])
    expect(differences(bare, golden.bare, text)).toEqual([])
    // To the library an empty second text is none, as it is to the fast tokenizers; to a slow one it has a separator.
    const counted = pairs.map(([, second]) => golden.file !== null || text(second) !== '')
    const given = pairs.map(([first, second]) => tokenizer.encode(text(first), { text_pair: text(second) }).ids as number[])
    const kept = <T>(rows: readonly T[]): readonly T[] => rows.filter((_, at) => counted[at])
    expect(kept(given).length).toBeGreaterThan(15)
    expect(differences(kept(given), kept(golden.pairs), at => kept(pairs)[at])).toEqual([])
  })

  test('ids decode to the texts of transformers, with special tokens and without', async () => {
    const { decode } = await open(name)
    const text = (at: number) => texts[at]
    for (const [skip, shown] of [
      [false, golden.kept],
      [true, golden.skipped],
    ] as const) {
      const decoded = golden.ids.map(row => decode(row, skip))
      expect(differences(decoded, shown, text)).toEqual([])
    }
    const spans = golden.spans.map(([row]) => [row, decode(row, false), decode(row, true)] as const)
    expect(differences(spans, golden.spans, () => undefined)).toEqual([])
  })
})

test('where the slow tokenizers agree with the fast ones is said, and is most', () => {
  for (const name of Object.keys(sources)) {
    const { slow = {}, ids, kept } = readGolden(name)
    expect(Object.keys(slow.ids ?? {}).length, name).toBeLessThan(ids.length / 4)
    expect(Object.keys(slow.kept ?? {}).length, name).toBeLessThan(kept.length / 4)
  }
})
