import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { caseSchema } from '../../../packages/testkit/src/case-schema.ts'
import { file, renderCaseSchema } from '../case-schema.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

it('case.schema.json is the schema that reads case.json', () => expect(readFileSync(file, 'utf8')).toBe(renderCaseSchema()))

it('every case of the repository is one, and other keys are refused', () => {
  const files = globSync('plugins/*/fixtures/*/case.json', { cwd: root })
  expect(files.length).toBeGreaterThan(100)
  for (const name of files) {
    const facts = JSON.parse(readFileSync(join(root, name), 'utf8')) as object
    expect(caseSchema.safeParse(facts), name).toMatchObject({ success: true })
    expect(caseSchema.safeParse({ ...facts, expects: { exit: 2 } }), name).toMatchObject({ success: false })
  }
})
