import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PluginContract } from '@silane/core'
import { convert, generate, parseModelFlags } from 'silane'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type FixtureCase, fixturesOf, type GenerationSettings, type PluginPlace, pathOf, readCases } from './read-cases.ts'

/**
 * The tests that a plugin with a cached decoder passes beside `pluginConformance`: every fixture is converted with its cache as
 * inputs and outputs and as a state, and its `generate` and `generation` entries come out token for token, from the ONNX files and
 * from the packages read back from disk. Settings that are to be refused end with the error that their entry names.
 */
export function generationConformance(plugin: PluginContract, place: PluginPlace): void {
  const cases = readCases(fixturesOf(place)).filter(({ continuations, expect }) => continuations.length > 0 && !expect)

  describe(`generation with plugin ${plugin.id}`, () => {
    test('there are fixtures that say what follows', () => {
      expect(cases.map(({ name }) => name)).not.toEqual([])
    })

    const shape = ({ folder, task, convert: flags }: FixtureCase) => parseModelFlags(folder, ['--task', task, ...flags])
    const kinds = cases.flatMap(fixture => {
      const options = shape(fixture)
      // A state is fp16 always, and beams fork their cache, which a state cannot.
      const caches = options.precision === 'fp32' ? (['io'] as const) : (['io', 'state'] as const)
      return caches.map(kv => ({ ...fixture, options, kv }))
    })
    describe.each(kinds)('$name, --kv $kv', ({ options, continuations, kv }) => {
      let scratch = ''
      let out = ''
      let files: FolderFiles = {}
      beforeAll(async () => {
        scratch = mkdtempSync(join(tmpdir(), 'silane-generation-'))
        out = join(scratch, 'out')
        await convert({ ...options, kv, plugins: [pathOf(place.root)], out, validate: false })
        files = readFiles(out)
      })
      afterEach(() => writeFiles(out, files))
      afterAll(() => rmSync(scratch, { recursive: true, force: true }))

      const runnable = continuations.filter(({ settings }) => kv === 'io' || beamsOf(settings) === 1)
      const runs = runnable.flatMap(continuation => (['onnx', 'coreml'] as const).map(from => ({ ...continuation, from })))
      test.each(runs)('$title from $from', async ({ ids, things, maxNewTokens, settings, gives, from }) => {
        if (settings) writeFiles(out, withSettings(files, settings))
        const heard: number[] = []
        const run = generate({ folder: out, ids, things, maxNewTokens, from, onToken: token => heard.push(token) })
        if ('error' in gives) {
          await expect(run).rejects.toMatchObject({ code: gives.error })
          return
        }
        const { tokens } = await run
        expect(tokens).toEqual(gives.tokens)
        // Beams change their minds, so nothing is heard of them.
        expect(heard).toEqual(beamsOf(settings) === 1 ? tokens : [])
      })
    })
  })
}

/** The files of a converted folder that settings of generation stand in; undefined where there is none. */
type FolderFiles = Readonly<Record<string, string | undefined>>

const CONFIG = 'config.json'
const GENERATION_CONFIG = 'generation_config.json'

const readFiles = (folder: string): FolderFiles =>
  Object.fromEntries(
    [CONFIG, GENERATION_CONFIG].map(name => {
      const file = join(folder, name)
      return [name, existsSync(file) ? readFileSync(file, 'utf8') : undefined]
    }),
  )

function writeFiles(folder: string, files: FolderFiles): void {
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) rmSync(join(folder, name), { force: true })
    else writeFileSync(join(folder, name), text)
  }
}

const withSettings = (files: FolderFiles, { generationConfig, config }: GenerationSettings): FolderFiles => ({
  [CONFIG]: JSON.stringify({ ...JSON.parse(files[CONFIG] ?? '{}'), ...config }),
  [GENERATION_CONFIG]: generationConfig && JSON.stringify(generationConfig),
})

/** Of generation_config.json, which counts alone where there is one. */
const beamsOf = (settings: GenerationSettings | undefined): number => {
  const { num_beams: beams } = settings?.generationConfig ?? settings?.config ?? {}
  return typeof beams === 'number' ? beams : 1
}
