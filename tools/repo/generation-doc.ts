// Writes the table of docs/guides/generate-text.md from the settings that the core knows: `node tools/repo/generation-doc.ts`.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { generationTable, settingKeys } from '../../packages/core/src/decoding/generation-table.ts'

export const page = fileURLToPath(new URL('../../docs/guides/generate-text.md', import.meta.url))

const [begin, end] = ['<!-- settings -->', '<!-- end of settings -->']

const row = (key: (typeof settingKeys)[number]): string => {
  const { wants, does, sampling } = generationTable[key]
  return `| \`${key}\` | ${wants} | ${sampling ? 'sampling: ' : ''}${does} |`
}

/** The page with the table as it should be. */
export function renderTable(text: string): string {
  const [before, rest = ''] = text.split(begin)
  const after = rest.split(end)[1] ?? ''
  return [
    before,
    begin,
    '\n',
    ['| key | value | what it does |', '|---|---|---|', ...settingKeys.map(row)].join('\n'),
    '\n',
    end,
    after,
  ].join('')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, renderTable(readFileSync(page, 'utf8')))
