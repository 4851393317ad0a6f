import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { CiReport } from '../src/ci/ci-report.ts'
import { summarize } from '../src/ci/summary.ts'
import { main } from '../src/cli.ts'
import { type RunShardOptions, runShard } from '../src/index.ts'
import { change, fixture, temporary, write } from './workspace.ts'

let [out, err] = ['', '']
beforeEach(() => {
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    err += text
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

const opt = fileURLToPath(new URL('../../../plugins/opt/fixtures/text-generation', import.meta.url))

/** A folder with two checkpoints of two families and their silane.ci.json. */
function models(): { folder: string; config: string; out: string } {
  const folder = temporary()
  cpSync(fixture('fill-mask'), join(folder, 'one'), { recursive: true })
  cpSync(opt, join(folder, 'two'), { recursive: true })
  write(folder, {
    'silane.ci.json': {
      models: [
        { model: 'one', options: [{ seq: 24 }] },
        { model: 'two', targets: ['onnx'], options: [{ context: 32, prefill: 8 }] },
      ],
    },
  })
  return { folder, config: join(folder, 'silane.ci.json'), out: join(folder, 'reports') }
}

const report = (folder: string, name: string): CiReport => JSON.parse(readFileSync(join(folder, name), 'utf8'))

const ci = async (...args: readonly string[]): Promise<number> => {
  out = ''
  err = ''
  return main(['ci', ...args])
}

/** Spoils what the original is said to give. */
function spoil(checkpoint: string, file: string): void {
  const path = join(checkpoint, file)
  const header = readFileSync(path)
  const length = Number(header.readBigUInt64LE(0))
  const names = Object.keys(JSON.parse(header.toString('utf8', 8, 8 + length))).filter(name => name.includes('.out.'))
  for (const name of names) change(path, name, old => old + 1)
}

test('two shards, joined: a missing one, a missed gate, a failed conversion', async () => {
  const { folder, config, out: reports } = models()

  // One machine has run.
  expect(await ci('--config', config, '--shard', '1/2', '--out', reports)).toBe(0)
  expect(err).toContain('1. one.coreml.seq-24')
  expect(report(reports, 'ci-report.1-of-2.json')).toMatchObject({
    schema: 1,
    matrix: { names: ['one.coreml.seq-24', 'one.onnx.seq-24', 'two.onnx.context-32.prefill-8'] },
    shard: { index: 1, count: 2 },
    results: [
      { name: 'one.coreml.seq-24', task: 'fill-mask', target: 'coreml', exit: 0, options: { seq: 24 }, plugin: { id: 'bert' } },
      { name: 'one.onnx.seq-24', target: 'onnx', exit: 0 },
    ],
  })
  const [{ gates, bytes, seconds } = { gates: [], bytes: 0, seconds: 0 }] = report(reports, 'ci-report.1-of-2.json').results
  expect(gates.map(({ line }) => line)).toEqual(['original', 'lowering', 'file', 'weights', 'arithmetic', 'total'])
  expect(gates.find(({ line }) => line === 'original')?.psnr).toBeGreaterThan(100)
  expect(bytes).toBeGreaterThan(10_000)
  expect(seconds).toBeGreaterThan(0)
  // The reports stay, what was converted does not, and nothing of the work is left.
  expect(readdirSync(reports).sort()).toEqual(['ci-report.1-of-2.json', 'reports'])
  expect(readdirSync(join(reports, 'reports/one.coreml.seq-24')).sort()).toEqual(['report.html', 'report.json'])

  // The other one has not.
  expect(await ci('--merge', reports)).toBe(2)
  expect(err).toContain('E_CI_MISSING Reports are missing: shard 2 of 2.')
  expect(out).toContain('Missing: shard 2 of 2')
  expect(out).toContain('| one.coreml.seq-24 | fill-mask | coreml | ok |')
  expect(existsSync(join(reports, 'ci-report.json'))).toBe(false)

  // Both have.
  expect(await ci('--config', config, '--shard', '2/2', '--out', reports, '--keep')).toBe(0)
  expect(existsSync(join(reports, 'packages/two.onnx.context-32.prefill-8/silane.json'))).toBe(true)
  expect(await ci('--merge', reports)).toBe(0)
  expect(out).toContain('3 of 3 conversions are good')
  expect(report(reports, 'ci-report.json')).toMatchObject({ shard: null, results: [{}, {}, { name: 'two.onnx.context-32.prefill-8' }] })
  const first = readFileSync(join(reports, 'ci-report.json'))
  expect(await ci('--merge', reports, '--json')).toBe(0)
  expect(JSON.parse(out)).toEqual(JSON.parse(first.toString()))
  expect(readFileSync(join(reports, 'ci-report.json'))).toEqual(first)

  // The original says something else: a gate is missed, and the rest runs all the same.
  spoil(join(folder, 'one'), 'golden.model.safetensors')
  expect(await ci('--config', config, '--shard', '1/2', '--out', reports)).toBe(3)
  expect(report(reports, 'ci-report.1-of-2.json').results).toMatchObject([
    { exit: 3, misses: [expect.stringContaining('original')] },
    { exit: 3 },
  ])
  expect(await ci('--merge', reports)).toBe(3)
  expect(out).toContain('1 of 3 conversions are good')
  expect(out.indexOf('missed a gate')).toBeLessThan(out.indexOf('| ok |'))

  // A checkpoint is broken: that is told with its code, and counts for more than a gate.
  writeFileSync(join(folder, 'two/model.safetensors'), 'nothing')
  expect(await ci('--config', config, '--shard', '2/2', '--out', reports, '--keep')).toBe(2)
  const [broken] = report(reports, 'ci-report.2-of-2.json').results
  expect(broken).toMatchObject({
    task: null,
    exit: 2,
    gates: [],
    bytes: 0,
    error: { code: expect.stringMatching(/^E_/), where: expect.any(String) },
  })
  expect(JSON.stringify(broken)).not.toContain(folder)
  expect(err).toContain(broken?.error?.code)
  // What an earlier run reported of it is gone.
  expect(existsSync(join(reports, 'reports/two.onnx.context-32.prefill-8/report.json'))).toBe(false)
  expect(await ci('--merge', reports)).toBe(2)
  expect(report(reports, 'ci-report.json').results).toMatchObject([{ exit: 3 }, { exit: 3 }, { exit: 2 }])
})

test('entries by name, joined from the folders of artifacts', async () => {
  const { config, out: reports } = models()
  for (const name of ['one.onnx.seq-24', 'two.onnx.context-32.prefill-8'])
    expect(await ci('--config', config, '--only', name, '--out', join(reports, name))).toBe(0)
  expect(await ci('--merge', reports)).toBe(2)
  expect(err).toContain('Reports are missing: one.coreml.seq-24.')
  expect(await ci('--config', config, '--only', 'one.coreml.seq-24', '--out', join(reports, 'last'), '--json')).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ shard: null, results: [{ name: 'one.coreml.seq-24', exit: 0 }] })
  expect(await ci('--merge', reports)).toBe(0)
  expect(await ci('--config', config, '--only', 'three', '--out', reports)).toBe(2)
  expect(err).toContain('E_CI_ENTRY There is no entry "three". There are: one.coreml.seq-24, one.onnx.seq-24')
})

test('reports that do not belong together are not joined', async () => {
  const { folder, config, out: reports } = models()
  expect(await ci('--merge', folder)).toBe(2)
  expect(err).toContain('E_CI_REPORT The reports cannot be joined: there is no ci-report.i-of-n.json.')
  expect(await ci('--merge', join(folder, 'nowhere'))).toBe(2)
  await ci('--config', config, '--shard', '2/2', '--out', reports)
  const good = report(reports, 'ci-report.2-of-2.json')
  const joined = async (other: unknown): Promise<string> => {
    write(reports, { 'ci-report.1-of-2.json': other })
    expect(await ci('--merge', reports)).toBe(2)
    return err
  }
  expect(await joined({ ...good, shard: { index: 1, count: 2 } })).toContain('both have two.onnx')
  const empty = { ...good, shard: { index: 1, count: 2 }, results: [] }
  expect(await joined({ ...empty, matrix: { ...good.matrix, sha256: '0'.repeat(64) } })).toContain('different matrices')
  expect(await joined({ ...empty, silane: { version: '9.9.9', core: '1.0.0' } })).toContain('different versions of silane')
  expect(await joined({ ...empty, shard: { index: 1, count: 3 } })).toContain('different numbers of shards')
  expect(await joined({ ...empty, shard: { index: 1, count: 2 ** 32 } })).toContain('E_CI_REPORT')
  expect(await joined({ ...empty, shard: { index: 3, count: 2 } })).toContain('is no part of a whole')
  expect(await joined({ ...empty, schema: 2 })).toContain('ci-report.1-of-2.json: schema')
  expect(await joined('{')).toContain('E_JSON')
  // All machines have run, and one has left out what was its own.
  expect(await joined(empty)).toContain('Reports are missing: one.coreml.seq-24, one.onnx.seq-24.')
})

test('a machine without work reports that it has none', async () => {
  const { config, out: reports } = models()
  expect(await ci('--config', config, '--shard', '9/9', '--out', reports)).toBe(0)
  expect(report(reports, 'ci-report.9-of-9.json').results).toEqual([])
})

test.each([[['--merge', 'x', '--shard', '1/2']], [['--merge', 'x', '--keep']], [['--only', 'a', '--shard', '1/2']], [['--shard', '3/2']]])(
  '%j is refused',
  async args => {
    expect(await ci(...args)).toBe(2)
  },
)

test('a run that is stopped leaves what it has, and the rest is missing', async () => {
  const { config, out: reports } = models()
  expect(await ci('--config', config, '--out', reports)).toBe(0)
  const controller = new AbortController()
  const onEntry: RunShardOptions['onEntry'] = ({ name }, result) => {
    if (!result && name === 'one.onnx.seq-24') controller.abort(new Error('enough'))
  }
  await expect(runShard({ config, out: reports, signal: controller.signal, onEntry })).rejects.toThrow('enough')
  expect(readdirSync(reports).sort()).toEqual(['ci-report.1-of-1.json', 'reports'])
  // Nothing of the earlier run.
  expect(report(reports, 'ci-report.1-of-1.json').results).toMatchObject([{ name: 'one.coreml.seq-24', exit: 0 }])
  expect(await ci('--merge', reports)).toBe(2)
  expect(err).toContain('Reports are missing: one.onnx.seq-24, two.onnx.context-32.prefill-8.')
})

test('a model of the hub that is not in the cache is told without a network', async () => {
  const folder = temporary()
  vi.stubEnv('HF_HOME', folder)
  write(folder, { 'silane.ci.json': { models: [{ model: 'org/name@main', targets: ['onnx'] }] } })
  expect(await ci('--config', join(folder, 'silane.ci.json'), '--offline', '--out', join(folder, 'out'))).toBe(2)
  vi.unstubAllEnvs()
  expect(report(join(folder, 'out'), 'ci-report.1-of-1.json').results).toMatchObject([
    { name: 'org-name-main.onnx', model: 'org/name@main', exit: 2, error: { code: 'E_HUB_OFFLINE' } },
  ])
})

test('a folder for reports that cannot be made is told in words', async () => {
  const { folder, config } = models()
  writeFileSync(join(folder, 'file'), '')
  expect(await ci('--config', config, '--out', join(folder, 'file'))).toBe(2)
  expect(err).toMatch(/^E_\w+ /)
})

test('the summary spells out what would be markup', () => {
  const text = summarize({
    schema: 1,
    silane: { version: '1.0.0', core: '1.0.0' },
    matrix: { sha256: '0'.repeat(64), names: ['a'] },
    shard: null,
    results: [
      {
        name: 'a|b',
        model: 'a',
        task: null,
        target: 'onnx',
        options: {},
        exit: 2,
        error: { code: 'E_X', what: '<img src=x>\n| [a](b) `c`' },
        gates: [],
        misses: [],
        warnings: [],
        bytes: 0,
        seconds: 1,
      },
    ],
  })
  expect(text).toContain('| a\\|b |')
  expect(text).toContain('- a\\|b: E\\_X \\<img src=x\\>')
  expect(text.split('\n').every(line => line.length < 400)).toBe(true)
})
