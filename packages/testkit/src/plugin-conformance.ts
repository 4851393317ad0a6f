import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { openCheckpoint } from '@silane/checkpoint'
import { type Checkpoint, isSilaneError, type PluginContract, type Program, printProgram } from '@silane/core'
import { type ConvertOptions, type ConvertResult, convert, inspect, loadRequest, type ModelOptions, parseModelFlags, verify } from 'silane'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimedBesides, manifestProblems, packageProblems } from './check-package.ts'
import { gateProblems, linesOf } from './gate-lines.ts'
import { hostileConfigurations, withMostSettings } from './hostile-configurations.ts'
import { packedPlugin } from './packed-plugin.ts'
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
 * Its package.json is complete, says what the code does, and claims its fixtures, of which every task has one; every fixture loads the same twice, and from any one name of each tied tensor,
 * converts within the numeric gates in fp16 and in fp32, and gives packages without fault, or ends as its case.json says under `expect`;
 * equal conversions give equal bytes; what it publishes loads as JavaScript under plain Node; what is wrong with a checkpoint comes out as an error that says so; and each key of a config.json may be set to anything.
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
      expect(packageProblems(root)).toEqual([])
    })

    test('package.json says what the code does', async () => {
      expect(manifestProblems(root, plugin)).toEqual([])
      const [fixture] = cases
      if (!fixture) return
      const taken: string[] = []
      for (const architecture of claimedBesides(root, plugin)) {
        if ((await endOfLoad(plugin, shape(fixture), architecture)) === undefined) taken.push(architecture)
      }
      // Claimed, none of the code's, and not refused: they would be converted as something else.
      expect(taken).toEqual([])
    })

    test('the packed tarball loads as JavaScript', ({ skip }) => {
      const { skipped, problems } = packedPlugin(root, plugin)
      if (skipped !== undefined) skip(skipped)
      expect(problems).toEqual([])
    })

    test('there are fixtures, of every task', () => {
      expect(cases.map(({ name }) => name)).not.toEqual([])
      const shown = new Set(cases.map(({ task }) => task))
      expect([...new Set(Object.values(plugin.tasks))].filter(task => !shown.has(task))).toEqual([])
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
    test('hostile configurations are refused, or load, at once', async ({ skip }) => {
      const richest = withMostSettings(cases)
      if (!richest) return skip('no fixture has a config.json')
      const before = process.resourceUsage().maxRSS
      expect(await hostileConfigurations(plugin, shape(richest))).toEqual([])
      expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(HOSTILE_MEGABYTES)
    })

    describe.each(cases)('$name', fixture => {
      test('loads the same twice', async () => {
        const checkpoint = await openCheckpoint(fixture.folder)
        try {
          const once = printed(await load(plugin, checkpoint, shape(fixture)))
          expect(once).not.toEqual([])
          expect(printed(await load(plugin, checkpoint, shape(fixture)))).toEqual(once)
        } finally {
          checkpoint.close()
        }
      })

      test('converts within the gates', async () => {
        const { comparisons, manifest, out } = await run(fixture, 'fp16')
        expect(gateProblems(comparisons, fixture, linesOf(manifest.options))).toEqual([])
        const packages = manifest.programs
          .flatMap(program => [program, ...program.functions])
          .flatMap(({ coreml }) => (coreml ? [coreml.path] : []))
        const verified = await verify(packages.map(path => join(out, path)))
        expect(verified.flatMap(({ findings }) => findings.filter(({ severity }) => severity === 'error'))).toEqual([])
      })

      test('converts exactly in fp32', async ({ skip }) => {
        if (fixture.convert.includes('state')) skip('a Core ML state is fp16, so that such a conversion has no exact counterpart')
        const { comparisons, manifest } = await run(fixture, 'fp32', { precision: 'fp32', targets: ['coreml'] })
        expect(gateProblems(comparisons, fixture, linesOf(manifest.options))).toEqual([])
      })
    })

    if (others.length === 0) test('refused checkpoints', ({ skip }) => skip('no fixture has "expect" in its case.json'))
    test.each(others)('$fixture.name ends with exit code $exit', async ({ fixture, exit, error }) => {
      const end = await endOf(run(fixture, 'refused'))
      expect(end).toEqual({ exit, error: error ?? end.error })
      // Where nothing is refused, the folder is there, and says that it is not good.
      expect(existsSync(join(scratch, fixture.name, 'refused'))).toBe(end.error === undefined)
    })

    test('any one name of a tied tensor gives the same programs', async ({ skip }) => {
      const tied = new Set<string>()
      const seen = new Set<string>()
      for (const fixture of cases) {
        const checkpoint = await openCheckpoint(fixture.folder)
        try {
          const request = loadRequest(checkpoint, plugin, shape(fixture))
          const { programs } = await plugin.load(request)
          for (const row of plugin.tied?.(request) ?? []) {
            tied.add(row.join(' '))
            for (const { kept, unified, checkpoint: variant } of tiedVariants(checkpoint, row)) {
              const other = await plugin.load({ ...request, checkpoint: variant })
              const expected = programs.map(program => unified(printProgram(program)))
              expect(other.programs.map(printProgram), `${fixture.name} with ${kept} alone`).toEqual(expected)
              seen.add(row.join(' '))
            }
          }
        } finally {
          checkpoint.close()
        }
      }
      if (tied.size === 0) skip('the plugin ties no tensors')
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

      /**
       * Tensors that the model does without, and becomes another one with the same outputs: everything runs, and the numbers are wrong.
       * One that no program reads may be missing, and so may one that brings an output of its own.
       */
      const passedOver = async (names: readonly string[]): Promise<readonly string[]> => {
        const checkpoint = await openCheckpoint(first.folder)
        try {
          const whole = await load(plugin, checkpoint, shape(first))
          const silent: string[] = []
          for (const name of someOf(names, SPOILED)) {
            const lacking = spoilCheckpoint(checkpoint, name, () => undefined)
            if ((await codeOf(plugin, lacking, shape(first))) !== undefined) continue
            const without = await load(plugin, lacking, shape(first))
            if (outputsOf(without) === outputsOf(whole) && printed(without).join() !== printed(whole).join()) silent.push(name)
          }
          return silent
        } finally {
          checkpoint.close()
        }
      }

      // Of what an architecture has, nothing may be taken for absent.
      test('a missing bias is E_TENSOR_MISSING', async () => {
        expect(await passedOver((await tensorNames(first.folder)).filter(name => BIAS.test(name)))).toEqual([])
      })

      test('a missing weight is E_TENSOR_MISSING', async () => {
        // What `spare` names to the end is a buffer with a value of its own where it is missing.
        const buffer = (name: string) => plugin.spare?.some(end => name === end || name.endsWith(`.${end}`)) ?? false
        expect(await passedOver((await tensorNames(first.folder)).filter(name => !BIAS.test(name) && !buffer(name)))).toEqual([])
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

const BIAS = /\.(?:bias|beta)$/

async function tensorNames(folder: string): Promise<readonly string[]> {
  const checkpoint = await openCheckpoint(folder)
  checkpoint.close()
  return checkpoint.tensorNames
}

async function load(plugin: PluginContract, checkpoint: Checkpoint, options: ModelOptions): Promise<readonly Program[]> {
  const { programs } = await plugin.load(loadRequest(checkpoint, plugin, options))
  return programs
}

/** The text form of programs. */
const printed = (programs: readonly Program[]): readonly string[] => programs.map(printProgram)

/** What programs give, by name. */
const outputsOf = (programs: readonly Program[]): string =>
  programs.flatMap(({ functions }) => functions.flatMap(({ outputs }) => outputs.map(({ name }) => name))).join()

async function codeOf(plugin: PluginContract, checkpoint: Checkpoint, options: ModelOptions): Promise<string | undefined> {
  try {
    await plugin.load(loadRequest(checkpoint, plugin, options))
    return undefined
  } catch (error) {
    if (isSilaneError(error)) return error.code
    throw error
  }
}

/** The code of the error that loading a checkpoint ends with when its configuration names another architecture. */
async function endOfLoad(plugin: PluginContract, options: ModelOptions, architecture: string): Promise<string | undefined> {
  const checkpoint = await openCheckpoint(options.model)
  try {
    const other = { ...checkpoint, config: { ...checkpoint.config, architectures: [architecture] } }
    return await codeOf(plugin, other, options)
  } finally {
    checkpoint.close()
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

function content(folder: string): ReadonlyMap<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const paths = files.map(entry => join(entry.parentPath, entry.name)).sort()
  return new Map(paths.map(path => [relative(folder, path), readFileSync(path)]))
}
