import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { openCheckpoint } from '@silane/checkpoint'
import { type Checkpoint, type Comparison, isSilaneError, type PluginContract, printProgram } from '@silane/core'
import { type ConvertOptions, type ConvertResult, convert, inspect, loadRequest, type ModelOptions, parseModelFlags, verify } from 'silane'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageProblems } from './check-package.ts'
import { hostileConfigurations, withMostSettings } from './hostile-configurations.ts'
import { type FixtureCase, fixturesOf, type PluginPlace, pathOf, readCases } from './read-cases.ts'
import { lengthen, someOf, spoilCheckpoint } from './spoil-checkpoint.ts'
import { tiedVariants } from './store-tied.ts'

/** Tensors that are hidden or changed to see that the plugin says so; more would only take longer. */
const SPOILED = 12

/** What a hostile configuration may take, in all. */
const HOSTILE_MEGABYTES = 500

/**
 * The tests that any plugin passes:
 *
 *     import { pluginConformance } from '@silane/testkit'
 *     import plugin from '../src/index.ts'
 *     pluginConformance(plugin, { root: new URL('..', import.meta.url) })
 *
 * Its package.json is complete and claims its fixtures; every fixture loads the same twice, and from any one name of each tied tensor,
 * converts within the numeric gates in fp16 and in fp32, and gives packages without fault, or ends as its case.json says under `expect`;
 * equal conversions give equal bytes; what is wrong with a checkpoint comes out as an error that says so; and each key of a config.json may be set to anything.
 */
export function pluginConformance(plugin: PluginContract, options: PluginPlace): void {
  const root = pathOf(options.root)
  const all = readCases(fixturesOf(options))
  const cases = all.filter(fixture => fixture.expect === undefined)
  const others = all.flatMap(fixture => (fixture.expect ? [{ fixture, ...fixture.expect }] : []))

  describe(`plugin ${plugin.id}`, () => {
    let scratch = ''
    beforeAll(() => {
      scratch = mkdtempSync(join(tmpdir(), 'silane-conformance-'))
    })
    afterAll(() => rmSync(scratch, { recursive: true, force: true }))

    const shape = (fixture: FixtureCase): ModelOptions => ({
      ...parseModelFlags(fixture.folder, ['--task', fixture.task, ...fixture.convert]),
      plugins: [root],
    })
    const run = (fixture: FixtureCase, name: string, more: Partial<ConvertOptions> = {}) =>
      convert({ ...shape(fixture), out: join(scratch, fixture.name, name), ...more })

    test('package.json is complete', () => {
      expect(packageProblems(root, plugin)).toEqual([])
    })

    test('there are fixtures', () => {
      expect(cases.map(({ name }) => name)).not.toEqual([])
    })

    test('its claims hold for fixtures', async () => {
      const reasons: string[] = []
      for (const fixture of cases) {
        const found = await inspect(shape(fixture))
        expect(found).toMatchObject({ kind: 'checkpoint' })
        if (found.kind !== 'checkpoint') continue
        expect(found.problem).toBeUndefined()
        reasons.push(...(found.plugin?.because ?? []))
      }
      // A family may read checkpoints that another claims, but some must be its own.
      expect(reasons.filter(reason => reason !== 'chosen by --plugin')).not.toEqual([])
    })

    // Before anything is converted: the largest memory of a process never falls.
    test('hostile configurations are refused, or load, at once', async () => {
      const richest = withMostSettings(cases)
      if (!richest) return
      const before = process.resourceUsage().maxRSS
      expect(await hostileConfigurations(plugin, shape(richest))).toEqual([])
      expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(HOSTILE_MEGABYTES)
    })

    describe.each(cases)('$name', fixture => {
      test('loads the same twice', async () => {
        const [first, second] = [await printed(plugin, shape(fixture)), await printed(plugin, shape(fixture))]
        expect(first).not.toEqual([])
        expect(second).toEqual(first)
      })

      test('converts within the gates', async () => {
        const { comparisons, manifest, out } = await run(fixture, 'fp16')
        expect(comparisons.filter(({ ok }) => !ok)).toEqual([])
        expect(comparedWithGolden(comparisons)).toEqual(expect.arrayContaining(goldenOutputs(fixture)))
        const packages = manifest.programs
          .flatMap(program => [program, ...program.functions])
          .flatMap(({ coreml }) => (coreml ? [coreml.path] : []))
        const verified = await verify(packages.map(path => join(out, path)))
        expect(verified.flatMap(({ findings }) => findings.filter(({ severity }) => severity === 'error'))).toEqual([])
      })

      // A Core ML state is fp16, so such a conversion has no exact counterpart.
      test.skipIf(fixture.convert.includes('state'))('converts exactly in fp32', async () => {
        const { comparisons } = await run(fixture, 'fp32', { precision: 'fp32', targets: ['coreml'] })
        expect(comparisons.filter(({ ok }) => !ok)).toEqual([])
      })
    })

    test.each(others)('$fixture.name ends with exit code $exit', async ({ fixture, exit, error }) => {
      const end = await endOf(run(fixture, 'refused'))
      expect(end).toEqual({ exit, error: error ?? end.error })
      // Where nothing is refused, the folder is there, and says that it is not good.
      expect(existsSync(join(scratch, fixture.name, 'refused'))).toBe(end.error === undefined)
    })

    if (plugin.tied)
      test('any one name of a tied tensor gives the same programs', async () => {
        const seen = new Set<string>()
        for (const fixture of cases) {
          const checkpoint = await openCheckpoint(fixture.folder)
          try {
            const request = loadRequest(checkpoint, plugin, shape(fixture))
            const { programs } = await plugin.load(request)
            for (const row of plugin.tied?.(request) ?? [])
              for (const { kept, unified, checkpoint: variant } of tiedVariants(checkpoint, row)) {
                const other = await plugin.load({ ...request, checkpoint: variant })
                const expected = programs.map(program => unified(printProgram(program)))
                expect(other.programs.map(printProgram), `${fixture.name} with ${kept} alone`).toEqual(expected)
                seen.add(row.join(' '))
              }
          } finally {
            checkpoint.close()
          }
        }
        expect([...seen]).not.toEqual([])
      })

    const [first] = cases
    if (!first) return

    test('equal conversions give equal bytes', async () => {
      const [a, b] = [await run(first, 'a', { validate: false }), await run(first, 'b', { validate: false })]
      const [one, other] = [content(a.out), content(b.out)]
      expect([...other.keys()]).toEqual([...one.keys()])
      expect([...one].filter(([name, bytes]) => !other.get(name)?.equals(bytes)).map(([name]) => name)).toEqual([])
    })

    describe('errors', () => {
      /** The codes that come out when one tensor after the other is spoiled; undefined where the model can do without it. */
      const codes = async (change: Parameters<typeof spoilCheckpoint>[2]): Promise<readonly (string | undefined)[]> => {
        const checkpoint = await openCheckpoint(first.folder)
        try {
          const found: (string | undefined)[] = []
          for (const name of someOf(checkpoint.tensorNames, SPOILED))
            found.push(await codeOf(plugin, spoilCheckpoint(checkpoint, name, change), shape(first)))
          return found
        } finally {
          checkpoint.close()
        }
      }

      test('a missing tensor is E_TENSOR_MISSING', async () => {
        const found = await codes(() => undefined)
        expect(found).toContain('E_TENSOR_MISSING')
        expect(found.filter(code => code !== undefined && code !== 'E_TENSOR_MISSING')).toEqual([])
      })

      // Of what an architecture has, nothing may be taken for absent: without a bias everything runs, and the numbers are wrong.
      test('a missing bias is E_TENSOR_MISSING', async () => {
        const checkpoint = await openCheckpoint(first.folder)
        try {
          const whole = await programs(plugin, checkpoint, shape(first))
          const silent: string[] = []
          for (const name of someOf(
            checkpoint.tensorNames.filter(name => /\.(?:bias|beta)$/.test(name)),
            SPOILED,
          )) {
            const lacking = spoilCheckpoint(checkpoint, name, () => undefined)
            if ((await codeOf(plugin, lacking, shape(first))) !== undefined) continue
            // One that no program reads may be missing.
            if ((await programs(plugin, lacking, shape(first))).join() !== whole.join()) silent.push(name)
          }
          expect(silent).toEqual([])
        } finally {
          checkpoint.close()
        }
      })

      test('a tensor of another shape is E_TENSOR_SHAPE', async () => {
        const found = await codes(lengthen)
        expect(found).toContain('E_TENSOR_SHAPE')
        expect(found.filter(code => code !== undefined && !['E_TENSOR_SHAPE', 'E_CONFIG'].includes(code))).toEqual([])
      })

      test('an unknown task is E_OPTION', async () => {
        const checkpoint = await openCheckpoint(first.folder)
        try {
          expect(await codeOf(plugin, checkpoint, { ...shape(first), task: 'no-such-task' })).toBe('E_OPTION')
        } finally {
          checkpoint.close()
        }
      })
    })
  })
}

/** The text form of every program that a plugin loads. */
async function printed(plugin: PluginContract, options: ModelOptions): Promise<readonly string[]> {
  const checkpoint = await openCheckpoint(options.model)
  try {
    return await programs(plugin, checkpoint, options)
  } finally {
    checkpoint.close()
  }
}

async function programs(plugin: PluginContract, checkpoint: Checkpoint, options: ModelOptions): Promise<readonly string[]> {
  const model = await plugin.load(loadRequest(checkpoint, plugin, options))
  return model.programs.map(printProgram)
}

async function codeOf(plugin: PluginContract, checkpoint: Checkpoint, options: ModelOptions): Promise<string | undefined> {
  try {
    await plugin.load(loadRequest(checkpoint, plugin, options))
    return undefined
  } catch (error) {
    if (isSilaneError(error)) return error.code
    throw error
  }
}

/** How the command line would end, and the error's code where there is one. */
async function endOf(conversion: Promise<ConvertResult>): Promise<{ readonly exit: number; readonly error: string | undefined }> {
  try {
    const { ok } = await conversion
    return { exit: ok ? 0 : MISSED, error: undefined }
  } catch (error) {
    if (isSilaneError(error)) return { exit: error.exitCode, error: error.code }
    throw error
  }
}

/** A gate was missed. */
const MISSED = 3

type Compared = Pick<Comparison, 'program' | 'output' | 'line'>

const comparedWithGolden = (comparisons: readonly Compared[]): readonly string[] =>
  comparisons.filter(({ line }) => line === 'original').map(({ program, output }) => `${program}.${output}`)

/** What must have been compared with the original: a golden file that fits no function would otherwise pass unseen. */
const goldenOutputs = ({ programs }: FixtureCase): string[] =>
  Object.entries(programs)
    .filter(([, { drive }]) => drive === undefined || drive === 'cached-decoder')
    .flatMap(([program, { outputs }]) => outputs.map(output => `${program}.${output}`))

function content(folder: string): ReadonlyMap<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const paths = files.map(entry => join(entry.parentPath, entry.name)).sort()
  return new Map(paths.map(path => [relative(folder, path), readFileSync(path)]))
}
