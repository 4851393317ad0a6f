import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { page, renderPage } from '../swift-doc.ts'

test('docs/guides/use-from-swift.md has the Swift that is written', async () => {
  expect(readFileSync(page, 'utf8'), 'run node tools/repo/swift-doc.ts').toBe(await renderPage())
}, 60_000)
