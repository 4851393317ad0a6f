import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mutateLines } from '../mutate/lines.ts'
import { mutateSqlite } from '../mutate/sqlite.ts'
import { type MakeCase, putFile } from '../place.ts'

export const documentsCase: MakeCase = ({ random, bench, input, output }) => {
  const text = readFileSync(join(bench.folder, 'documents.jsonl'), 'utf8')
  const file = join(input, 'documents.jsonl')
  putFile(file, mutateLines(text, random, ['id', 'text', 'title', 'source', 'meta']))
  const chunk = random.once(2) ? ['--chunk', random.pick(['1', '4', '8']), ...(random.once(2) ? ['--overlap', '1'] : [])] : []
  const json = random.once(3) ? ['--json'] : []
  return {
    what: 'documents.jsonl',
    run: { args: ['index', bench.converted('vectors'), '--documents', file, '--out', join(output, 'made'), ...chunk, ...json] },
  }
}

export const indexCase: MakeCase = ({ random, bench, input }) => {
  const file = join(input, 'index.sqlite')
  copyFileSync(join(bench.folder, 'index.sqlite'), file)
  mutateSqlite(file, random)
  const flags = [
    ...(random.once(3) ? ['--bits'] : []),
    ...(random.once(3) ? ['--json'] : []),
    ...(random.once(3) ? ['--count', random.pick(['1', '5000', '1000000000'])] : []),
  ]
  if (!random.once(4))
    return { what: 'index.sqlite', run: { args: ['search', bench.converted('vectors'), '--index', file, '--query', 'a text', ...flags] } }
  return {
    what: 'index.sqlite, gone on with',
    run: { args: ['index', bench.converted('vectors'), '--documents', join(bench.folder, 'documents.jsonl'), '--out', file] },
  }
}
