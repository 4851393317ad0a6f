import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTokenizer } from '../src/generate/open-tokenizer.ts'
import { buildCase, pairs, readGolden, sources, texts } from './tokenizer-goldens.ts'
import { temporary } from './workspace.ts'

/** What `rows` has that `expected` has not, told by its place and by what it was made of. */
const differences = <T>(rows: readonly T[], expected: readonly T[], from: (at: number) => unknown) =>
  rows.flatMap((row, at) =>
    JSON.stringify(row) === JSON.stringify(expected[at]) ? [] : [{ at, from: from(at), row, expected: expected[at] }],
  )

describe.each(Object.keys(sources))('%s', name => {
  const golden = readGolden(name)

  test.runIf(golden.file)('has the tokenizer.json that transformers saves', async () => {
    const { folder, within } = await buildCase(name, temporary())
    const { model, ...file } = JSON.parse(readFileSync(join(folder, within, 'tokenizer.json'), 'utf8'))
    const { vocab, merges = [], ...rest } = model
    expect({ ...file, model: rest }).toEqual(golden.file)
    expect([Object.keys(vocab).length, merges.length]).toEqual(golden.sizes)
  })

  test('gives the ids and texts of transformers', async () => {
    const { folder, within } = await buildCase(name, temporary())
    const tokenizer = await openTokenizer(folder, within)
    if (!tokenizer) throw new Error('no tokenizer')
    const ids = texts.map(text => tokenizer.encode(text).ids)
    const decode = (row: readonly number[], skip: boolean) =>
      row.length === 0 ? '' : tokenizer.decode([...row], { skip_special_tokens: skip })
    const textOf = (at: number) => texts[at]
    expect.soft(differences(ids, golden.ids, textOf)).toEqual([])
    expect
      .soft(
        differences(
          golden.bare.map((_, at) => tokenizer.encode(texts[at] as string, { add_special_tokens: false }).ids),
          golden.bare,
          textOf,
        ),
      )
      .toEqual([])
    expect
      .soft(
        differences(
          pairs.map(([a, b]) => tokenizer.encode(texts[a] as string, { text_pair: texts[b] as string }).ids),
          golden.pairs,
          at => pairs[at],
        ),
      )
      .toEqual([])
    expect
      .soft(
        differences(
          golden.ids.map(row => decode(row, false)),
          golden.kept,
          textOf,
        ),
      )
      .toEqual([])
    expect
      .soft(
        differences(
          golden.ids.map(row => decode(row, true)),
          golden.skipped,
          textOf,
        ),
      )
      .toEqual([])
    expect
      .soft(
        differences(
          golden.spans.map(([row]) => [row, decode(row, false), decode(row, true)]),
          golden.spans as never,
          () => '',
        ),
      )
      .toEqual([])
  })
})
