import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { indexDocuments } from '../src/documents/index-documents.ts'
import { searchDocuments } from '../src/documents/search-documents.ts'
import { temporary } from './workspace.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

const ID = 'sentence-transformers/all-MiniLM-L6-v2'
const { HF_HUB_CACHE, HF_HOME, SILANE_MINILM } = process.env
const cache = HF_HUB_CACHE ?? join(HF_HOME ?? join(homedir(), '.cache/huggingface'), 'hub')
/** The folder of the model that SILANE_MINILM names, or what the hub's cache holds. It has 90 MB, too many for a repository. */
const model = SILANE_MINILM ?? (existsSync(join(cache, `models--${ID.replace('/', '--')}`)) ? ID : undefined)

/** Paragraphs of this repository's documentation, under the headings that they stand under; code and tables are none. */
function paragraphs() {
  const files = [...globSync('docs/**/*.md', { cwd: root }), 'README.md'].sort()
  return files.flatMap(source => {
    const text = readFileSync(join(root, source), 'utf8').replace(/^```[\s\S]*?^```/gm, '')
    let title = ''
    return text.split(/\n\s*\n/).flatMap((block, at) => {
      title = /^#+ (.*)/.exec(block.trim())?.[1] ?? title
      const body = block.trim()
      const words = body.split(/\s+/).length
      return /^[#|]/.test(body) || words < 12 ? [] : [{ id: `${source}#${at}`, title, source, text: body }]
    })
  })
}

const questions = [
  ['How do I write a plugin for a new model family?', 'docs/guides/write-a-plugin.md', 'A plugin reads one model family'],
  ['What happens when a pickle file from a stranger is loaded?', 'docs/architecture.md', 'Checkpoints and packages are not trusted'],
  ['Are errors documented with stable codes?', 'docs/architecture.md', 'An error for the user is one entry of a catalogue'],
  ['How does a rule get added to the rewriting passes?', 'docs/architecture.md', 'has a name, a reason, the kinds of op it looks at'],
  ['How does silane find the plugins that are installed?', 'README.md', '`npx silane plugins` lists what is found'],
] as const

test.skipIf(model === undefined)(
  'MiniLM finds the right paragraphs of this repository’s documentation (SILANE_MINILM=FOLDER, or in the hub’s cache)',
  async () => {
    const [place, all] = [temporary(), paragraphs()]
    const [folder, documents, index] = [join(place, 'minilm'), join(place, 'docs.jsonl'), join(place, 'docs.sqlite')]
    writeFileSync(documents, all.map(each => JSON.stringify(each)).join('\n'))
    await convert({ model: model ?? '', offline: true, seq: [128], batch: 4, targets: ['onnx'], out: folder, validate: false })
    const made = await indexDocuments({ folder, documents, out: index })
    expect(made).toMatchObject({ added: all.length, total: all.length, problems: [] })
    for (const [query, source, phrase] of questions) {
      const { hits } = await searchDocuments({ folder, index, query, count: 3 })
      console.log([`${query}`, ...hits.map(hit => `  ${hit.score.toFixed(3)}  ${hit.source}, ${hit.title}`)].join('\n'))
      expect(hits[0]).toMatchObject({ source, text: expect.stringContaining(phrase) })
    }
  },
  600_000,
)
