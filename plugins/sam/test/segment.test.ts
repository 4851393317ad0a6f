import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPicture } from '@silane/images'
import { convert, segment } from 'silane'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'silane-sam-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const image = here('pictures/picture.png')

interface Case {
  readonly fixture: string
  readonly points: readonly (readonly [x: number, y: number, label: number])[]
  readonly box?: readonly [number, number, number, number]
  readonly scores: readonly number[]
  readonly areas: readonly number[]
  readonly masks: readonly string[]
}

/** What transformers makes of the same picture and prompts, with its processor and its own model. */
const cases = JSON.parse(readFileSync(here('pictures/golden.json'), 'utf8')) as readonly Case[]

const bits = (packed: string, count: number): readonly number[] => {
  const bytes = Buffer.from(packed, 'base64')
  return Array.from({ length: count }, (_, at) => ((bytes[at >> 3] as number) >> (7 - (at & 7))) & 1)
}

const converted = new Map<string, string>()
async function conversionOf(fixture: string): Promise<string> {
  const out = converted.get(fixture) ?? join(folder, fixture)
  if (!converted.has(fixture))
    await convert({ model: here(`../fixtures/${fixture}`), out, options: { points: 4, boxes: fixture === 'boxes' }, validate: false })
  converted.set(fixture, out)
  return out
}

describe.each(cases.map((each, i) => ({ ...each, name: `${each.fixture}, ${each.points.length} points`, i })))(
  '$name',
  ({ fixture, points, box, scores, areas, masks, i }) => {
    /** The masks in the order of the model's own, each with its score. */
    const order = scores.map((score, mask) => ({ score, mask })).sort((a, b) => b.score - a.score)

    test.each([
      ['onnx', 1e-4, 2],
      ['coreml', 2e-2, 60],
    ] as const)('from %s: scores and pixels are those of transformers', async (from, tolerance, flips) => {
      const out = join(folder, `${i}-${from}.masks`)
      const result = await segment({
        folder: await conversionOf(fixture),
        image,
        points: points.map(([x, y, label]) => ({ x, y, label })),
        box,
        all: true,
        out,
        from,
      })
      const { width, height } = await readPicture(image)
      expect(result.masks).toHaveLength(3)
      for (const [rank, { file, score, area }] of result.masks.entries()) {
        const { mask, score: expected } = order[rank]!
        expect(Math.abs(score - expected)).toBeLessThan(tolerance)
        const { data } = await readPicture(join(out, file))
        const wanted = bits(masks[mask]!, width * height)
        expect(wanted.reduce((sum, bit) => sum + bit, 0)).toBe(areas[mask])
        expect(wanted.filter((bit, at) => data[3 * at] !== 255 * bit).length).toBeLessThanOrEqual(flips)
        expect(Math.abs(area * width * height - areas[mask]!)).toBeLessThanOrEqual(flips)
      }
    })
  },
)

test('a prompt that the folder cannot take is refused, and nothing is written', async () => {
  const folderOf = await conversionOf('points')
  const out = join(folder, 'refused')
  const ask = (prompt: object) => segment({ folder: folderOf, image, out, ...prompt })
  const five = Array.from({ length: 5 }, () => ({ x: 1, y: 1 }))
  for (const [prompt, what] of [
    [{}, 'Nothing says what to look for.'],
    [{ points: five }, 'takes no more than 4 points, and there are 5.'],
    [{ points: [{ x: 84, y: 1 }] }, 'The point 84,1 is not in the picture, which has 83 × 57 pixels.'],
    [{ points: [{ x: 1, y: 1, label: 7 }] }, '7 is no label of a point.'],
    [{ points: [{ x: 1, y: 1, label: -2 }] }, '-2 is no label of a point.'],
    [{ box: [1, 1, 9, 9] }, 'takes no box.'],
  ] as const)
    await expect(ask(prompt)).rejects.toMatchObject({ code: 'E_PROMPT', what: expect.stringContaining(what) })
  const boxes = await conversionOf('boxes')
  await expect(segment({ folder: boxes, image, out, points: [{ x: 1, y: 1 }] })).rejects.toMatchObject({ code: 'E_PROMPT' })
  await expect(segment({ folder: boxes, image, out, box: [9, 9, 1, 1] })).rejects.toMatchObject({ code: 'E_PROMPT' })
  await expect(readPicture(join(out, 'mask.png'))).rejects.toMatchObject({ code: 'E_IMAGE_PATH' })
})
