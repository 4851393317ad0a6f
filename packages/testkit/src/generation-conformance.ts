import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PluginContract } from '@silane/core'
import { convert, generate, parseModelFlags } from 'silane'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixturesOf, type PluginPlace, pathOf, readCases } from './read-cases.ts'

/**
 * The tests that a plugin with a cached decoder passes beside `pluginConformance`: every fixture is converted with its cache as
 * inputs and outputs and as a state, and its `generate` entries come out token for token, from the ONNX files and from the packages
 * read back from disk.
 */
export function generationConformance(plugin: PluginContract, place: PluginPlace): void {
  const cases = readCases(fixturesOf(place)).filter(({ generate: continuations }) => continuations.length > 0)

  describe(`generation with plugin ${plugin.id}`, () => {
    test('there are fixtures that say what follows', () => {
      expect(cases.map(({ name }) => name)).not.toEqual([])
    })

    const kinds = cases.flatMap(fixture => (['io', 'state'] as const).map(kv => ({ ...fixture, kv })))
    describe.each(kinds)('$name, --kv $kv', ({ folder, task, convert: flags, generate: continuations, kv }) => {
      let scratch = ''
      let out = ''
      beforeAll(async () => {
        scratch = mkdtempSync(join(tmpdir(), 'silane-generation-'))
        out = join(scratch, 'out')
        const options = parseModelFlags(folder, ['--task', task, ...flags])
        await convert({ ...options, kv, plugins: [pathOf(place.root)], out, validate: false })
      })
      afterAll(() => rmSync(scratch, { recursive: true, force: true }))

      test.each(['onnx', 'coreml'] as const)('from %s', async from => {
        const written: (readonly number[])[] = []
        for (const { ids, things, maxNewTokens } of continuations) {
          const heard: number[] = []
          const { tokens } = await generate({ folder: out, ids, things, maxNewTokens, from, onToken: token => heard.push(token) })
          expect(heard).toEqual(tokens)
          written.push(tokens)
        }
        expect(written).toEqual(continuations.map(({ tokens }) => tokens))
      })
    })
  })
}
