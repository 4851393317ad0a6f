// Writes packages/testkit/case.schema.json from the schema that reads case.json: `node tools/repo/case-schema.ts`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { caseJsonSchema } from '../../packages/testkit/src/case-schema.ts'

export const file = join(fileURLToPath(new URL('../..', import.meta.url)), 'packages/testkit/case.schema.json')

/** As biome formats JSON. */
export const renderCaseSchema = (): string => `${JSON.stringify(caseJsonSchema(), null, 2)}\n`

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, renderCaseSchema())
