import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { classify, convert } from 'silane'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'silane-perceiver-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** What transformers makes of the same picture, with its processor and its own model. */
const cases = JSON.parse(readFileSync(here('pictures/golden.json'), 'utf8')) as readonly {
  readonly fixture: string
  readonly probabilities: readonly number[]
}[]

describe.each(cases)('$fixture', ({ fixture, probabilities }) => {
  const model = here(`../fixtures/${fixture}`)
  const names = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')).id2label as Readonly<Record<string, string>>
  /** The most likely label first. */
  const ranked = probabilities.map((probability, id) => ({ label: names[id], probability })).sort((a, b) => b.probability - a.probability)

  beforeAll(async () => {
    await convert({ model, out: join(folder, fixture), validate: false })
    // The program takes the picture itself: it scales and shifts its pixels.
    await convert({
      model,
      out: join(folder, `${fixture}-picture`),
      options: { 'image-input': true },
      targets: ['coreml'],
      validate: false,
    })
  })
  test.each([
    ['onnx', '', 1e-4],
    ['coreml', '', 3e-3],
    ['coreml', '-picture', 3e-3],
  ] as const)('from %s%s: labels and probabilities are those of transformers', async (from, kind, tolerance) => {
    const { labels } = await classify({ folder: join(folder, `${fixture}${kind}`), image: here('pictures/picture.png'), from, count: 7 })
    expect(labels.map(({ label }) => label)).toEqual(ranked.map(({ label }) => label))
    for (const [i, { probability }] of labels.entries()) expect(Math.abs(probability - ranked[i]!.probability)).toBeLessThan(tolerance)
  })
})
