import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { generationTable, settingKeys } from '../../../packages/core/src/decoding/generation-table.ts'
import { page, renderTable } from '../generation-doc.ts'

const text = readFileSync(page, 'utf8')

it('docs/guides/generate-text.md has the settings that there are', () => expect(text).toBe(renderTable(text)))

it('every setting has a row that says what it does', () => {
  for (const key of settingKeys) expect(text).toContain(`| \`${key}\` | ${generationTable[key].wants} |`)
})
