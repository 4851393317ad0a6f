import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { askImage, caption, convert } from 'silane'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'silane-blip2-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

interface Case {
  readonly fixture: string
  /** Of a question. */
  readonly ids?: readonly number[]
  readonly tokens: readonly number[]
}

/** What transformers makes of the same picture, with its processor and its own model. */
const cases = JSON.parse(readFileSync(here('pictures/golden.json'), 'utf8')) as readonly Case[]

describe.each(cases)('$fixture, question $ids', ({ fixture, ids, tokens }) => {
  const out = join(folder, `${fixture}${ids ? '-asked' : ''}`)
  beforeAll(async () => {
    await convert({ model: here(`../fixtures/${fixture}`), out, context: 32, prefill: 8, validate: false })
  })
  test.each(['onnx', 'coreml'] as const)('from %s: the tokens are those of transformers', async from => {
    const choices = { folder: out, image: here('pictures/picture.png'), from, maxNewTokens: tokens.length, doSample: false, beams: 1 }
    const result = await (ids ? askImage({ ...choices, ids }) : caption(choices))
    expect(result.tokens).toEqual(tokens)
  })
})
