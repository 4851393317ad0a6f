import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import plugin from '../../../../plugins/gpt2/src/index.ts'
import { generationConformance, pluginConformance } from '../../src/index.ts'

const root = new URL('../../../../plugins/gpt2/', import.meta.url)
const original = fileURLToPath(new URL('fixtures/text-generation', root))
const fixtures = mkdtempSync(join(tmpdir(), 'silane-expectations-'))
afterAll(() => rmSync(fixtures, { recursive: true, force: true }))

const facts = JSON.parse(readFileSync(join(original, 'case.json'), 'utf8'))
const [{ input_ids, max_new_tokens, tokens }] = facts.generate
const wrong = tokens.map((token: number, at: number) => (at === 2 ? token + 1 : token))
const generation_config = { max_new_tokens }

/** One checkpoint, of which each copy says something else; those called `wrong` say what does not hold. */
const cases = {
  base: { generate: [] },
  'refused-by-exit': { convert: ['--option', 'nothing=1'], expect: { exit: 2 } },
  'refused-by-error': { convert: ['--option', 'nothing=1'], expect: { error: 'E_OPTION_UNKNOWN' } },
  'wrong-refusal': { expect: { exit: 2 } },
  'wrong-error': { convert: ['--option', 'nothing=1'], expect: { error: 'E_CONFIG' } },
  settings: {
    generate: [],
    generation: [
      { input_ids, generation_config, tokens },
      { input_ids, config: { max_new_tokens }, tokens },
      { input_ids, generation_config: { max_length: 1 }, error: 'E_MAX_LENGTH' },
    ],
  },
  'wrong-settings': {
    generate: [],
    generation: [
      { input_ids, generation_config, tokens: wrong },
      { input_ids, generation_config, error: 'E_MAX_LENGTH' },
    ],
  },
}
for (const [name, change] of Object.entries(cases)) {
  cpSync(original, join(fixtures, name), { recursive: true })
  writeFileSync(join(fixtures, name, 'case.json'), JSON.stringify({ ...facts, ...change }))
}

pluginConformance(plugin, { root, fixtures })
generationConformance(plugin, { root, fixtures })
