import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { localInstallation } from '../src/cli/local-installation.ts'
import { printError } from '../src/cli/print-error.ts'
import { main } from '../src/cli.ts'
import { fixture, pluginPackage, temporary, write } from './workspace.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

let [out, err] = ['', '']
beforeEach(() => {
  out = ''
  err = ''
  vi.spyOn(console, 'log').mockImplementation(text => {
    out += `${text}\n`
  })
  vi.spyOn(console, 'error').mockImplementation(text => {
    err += `${text}\n`
  })
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

describe('exit codes', () => {
  test.each([
    [['--help'], 0],
    [['convert', '--help'], 0],
    [[], 2],
    [['transmogrify'], 2],
    [['convert'], 2],
    [['convert', 'x', '--bogus'], 2],
    [['convert', 'x', '--seq', 'many'], 2],
    [['convert', 'x', '--option', 'novalue'], 2],
    [['convert', 'x', '--target', 'tflite'], 2],
    [['convert', 'x', '--max-package-size', '1 parsec'], 2],
    [['convert', './not-there'], 2],
    [['verify', './not-there.mlpackage'], 2],
    [['benchmark', './not-there'], 2],
    [['benchmark', './not-there', '--runs', '99999999999999999999'], 2],
    [['generate', './not-there', '--ids', '5', '--temperature', 'abc'], 2],
    [['generate', './not-there', '--ids', '5', '--top-p', ''], 2],
    [['generate', './not-there', '--ids', '5', '--seed', '-1'], 2],
    [['inspect', 'a'.repeat(300)], 2],
  ])('%j → %i', async (argv, code) => {
    expect(await main(argv)).toBe(code)
  })

  test('a broken package is 1', async () => {
    const broken = join(temporary(), 'x.mlpackage')
    mkdirSync(broken)
    expect(await main(['verify', broken])).toBe(1)
  })

  test('a package that is not supported is 2, and not called broken; beside a broken one it is 1', async () => {
    const compressed = fileURLToPath(new URL('../../coreml/test/unsupported/palette.mlpackage', import.meta.url))
    expect(await main(['verify', compressed, '--json'])).toBe(2)
    expect(JSON.parse(out)).toMatchObject([{ verdict: 'unsupported', ok: false, findings: [{ code: 'E_COMPRESSED' }] }])
    expect(err).toContain('NOT SUPPORTED')
    expect(err).not.toContain('BROKEN')
    out = ''
    expect(await main(['inspect', compressed])).toBe(0)
    expect(out).toContain('unsupported E_COMPRESSED')
    const broken = join(temporary(), 'x.mlpackage')
    mkdirSync(broken)
    expect(await main(['verify', compressed, broken])).toBe(1)
  })
})

describe('what is printed', () => {
  test('an error: code, what, where, next', async () => {
    await main(['convert', './not-there'])
    expect(err.replaceAll(process.cwd(), 'CWD')).toMatchInlineSnapshot(`
      "E_MODEL_FOLDER No folder "./not-there".
        looked in CWD
        Give a folder that holds config.json and the weights, or an id on the hub such as org/name.
      "
    `)
    expect(out).toBe('')
  })

  test('an error as JSON on stdout', async () => {
    await main(['convert', './not-there', '--json'])
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'E_MODEL_FOLDER', what: expect.any(String) } })
  })

  test('an unexpected error: one line, and how to report it', () => {
    expect(printError(new TypeError('x is not a function'), { verbose: false, json: false })).toBe(1)
    expect(err).toMatchInlineSnapshot(`
      "E_UNEXPECTED x is not a function
        This is a fault of silane: run it again with --verbose and report what it prints, https://github.com/silane/silane/issues
      "
    `)
    expect(printError(new TypeError('again'), { verbose: true, json: false })).toBe(1)
    expect(err).toContain('cli.test.ts')
  })

  test('one JSON document of a conversion', async () => {
    const place = join(temporary(), 'out')
    expect(await main(['convert', fixture('base'), '--seq', '24', '--out', place, '--json'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ ok: true, out: place, manifest: { schema: 1 }, seconds: { write: expect.any(Number) } })
    expect(err).toMatch(/^ok: 14 outputs pass, lowest \d+\.\d dB, compared with the original$/m)
    expect(err).toContain(`next:  silane benchmark ${place}`)
  })

  test('a conversion: the verdict first, every figure where it is asked for', async () => {
    const place = join(temporary(), 'out')
    expect(await main(['convert', fixture('base'), '--seq', '24', '--out', place, '--table'])).toBe(0)
    expect(out).toMatch(/^ok: 14 outputs pass, lowest \d+\.\d dB, compared with the original\n/)
    expect(out).toMatch(/model\/main +last_hidden_state +total +package, every +\d+\.\d +40 +ok\n +op rounded vs\n +source graph\n/)
    expect(out).toMatch(/^ {2}model\.mlpackage +\d+\.\d kB$/m)
    // Nothing but steps that are done: whose times depend on the machine.
    expect(err).toMatch(/^(?:[a-z ]+ … [\d.]+ m?s\n)*$/)
    out = ''
    expect(await main(['validate', place, '--model', fixture('base')])).toBe(0)
    expect(out).toMatch(/^ok: 14 outputs pass/)
    expect(out).toContain('Compared with the original implementation: model/main (2 golden samples).')
    expect(out).not.toContain('every op rounded vs')
  })

  test('what a converted folder can be used for', async () => {
    const next = async (model: string, ...flags: string[]): Promise<readonly string[]> => {
      out = ''
      const place = join(temporary(), 'out')
      const path = fileURLToPath(new URL(`../../../plugins/${model}`, import.meta.url))
      expect(await main(['convert', path, ...flags, '--no-validate', '--out', place])).toBe(0)
      return out.split('\n').flatMap(line => (line.startsWith('next:  ') ? [line.slice(7).replace(place, 'DIR')] : []))
    }
    expect(await next('bert/fixtures/sentence-transformers', '--seq', '24')).toEqual([
      'silane index DIR --documents FILE.jsonl --out INDEX',
      'silane benchmark DIR',
    ])
    expect(await next('t5/fixtures/text2text', '--seq', '24', '--context', '32')).toEqual([
      'silane generate DIR --text "…"',
      'silane benchmark DIR',
    ])
    expect(await next('sam/fixtures/masks')).toEqual(['silane segment DIR PICTURE --points X,Y', 'silane benchmark DIR'])
    expect(await next('blip/fixtures/image-to-text', '--context', '32')).toEqual(['silane caption DIR PICTURE', 'silane benchmark DIR'])
    expect(await next('blip/fixtures/visual-question-answering', '--context', '32', '--seq', '24')).toEqual([
      'silane ask-image DIR PICTURE --question "…"',
      'silane benchmark DIR',
    ])
  })

  test('the summary has the size of the weights beside ONNX files', async () => {
    const place = join(temporary(), 'out')
    const decoder = fileURLToPath(new URL('../../../plugins/gpt2/fixtures/text-generation', import.meta.url))
    expect(await main(['convert', decoder, '--context', '32', '--target', 'onnx', '--no-validate', '--out', place])).toBe(0)
    const { size } = statSync(join(place, 'onnx/decoder.onnx_data'))
    expect(size).toBeGreaterThan(100_000)
    expect(out).toMatch(new RegExp(`^ {2}onnx/decoder\\.onnx_data +${(size / 1000).toFixed(1)} kB$`, 'm'))
    out = ''
    const other = join(temporary(), 'out')
    expect(await main(['convert', fixture('base'), '--seq', '24', '--target', 'onnx', '--no-validate', '--out', other])).toBe(0)
    expect(out).not.toContain('onnx_data')
  })

  test('inspect: a checkpoint, a folder, a package, an ONNX file', async () => {
    await main(['inspect', fixture('base'), '--seq', '24'])
    expect(out).toMatch(/plugin +@silane\/plugin-bert@.*: model_type is "bert"/)
    expect(out).toMatch(/encoder\.layer\.1 +\d+ +\d+ +\d+/)
    const folder = join(temporary(), 'out')
    await main(['convert', fixture('base'), '--seq', '24', '--out', folder, '--no-validate'])
    for (const [path, text] of [
      ['', 'base: BertModel (bert), task feature-extraction'],
      ['model.mlpackage', 'specification version 9'],
      ['onnx/model.onnx', '"opset": 20'],
    ] as const) {
      out = ''
      expect(await main(['inspect', join(folder, path)])).toBe(0)
      expect(out).toContain(text)
    }
    out = ''
    await main(['verify', join(folder, 'model.mlpackage'), '--json'])
    expect(JSON.parse(out)).toEqual([{ path: join(folder, 'model.mlpackage'), verdict: 'ok', ok: true, findings: [] }])
    out = ''
    await main(['benchmark', folder, '--runs', '1', '--json'])
    expect(JSON.parse(out)).toMatchObject({
      functions: [{ program: 'model', function: 'main', ran: 'onnx/model.onnx', latency: { median: expect.any(Number) } }],
    })
  })

  test('inspect: what stands in the way of a conversion', async () => {
    const model = write(temporary(), { 'config.json': { model_type: 'wavenet' } })
    expect(await main(['inspect', model])).toBe(2)
    expect(out).toContain('E_MODEL_TYPE No plugin claims the model type "wavenet".')
  })

  test('plugins', async () => {
    await main(['plugins'])
    expect(out).toMatch(/@silane\/plugin-bert@[\s\S]*option +choices=integer \(4\)/)
    out = ''
    await main(['plugins', '--json'])
    expect(JSON.parse(out).plugins).toContainEqual(
      expect.objectContaining({ id: 'bert', options: expect.objectContaining({ choices: expect.anything() }) }),
    )
  })
})

test('a global command hands over to the installation of the project', () => {
  const project = temporary()
  const bin = 'console.log("local", process.argv.slice(2).join(" ")); process.exitCode = 7'
  write(project, {
    'node_modules/silane/package.json': { name: 'silane', version: '9.9.9', type: 'module', bin: { silane: './bin/silane.js' } },
    'node_modules/silane/bin/silane.js': bin,
    'deep/er/x': '',
  })
  expect(localInstallation([], join(project, 'deep/er'))).toMatch(/node_modules\/silane\/bin\/silane\.js$/)
  expect(localInstallation([], temporary())).toBeUndefined()
  const { stdout, status } = spawnSync(process.execPath, [launcher, 'convert', 'x'], { cwd: join(project, 'deep/er'), encoding: 'utf8' })
  expect([stdout, status]).toEqual(['local convert x\n', 7])
})

describe('a checkpoint runs no code of its own', () => {
  /** A project that holds a checkpoint with a command, a plugin and a configuration of its own; each says so when it runs. */
  function hostile() {
    const base = temporary()
    const model = join(base, 'model')
    cpSync(fixture('base'), model, { recursive: true })
    const says = (what: string) => `console.log("RAN ${what}"); export default { id: 'evil', load() {} }`
    const claims = [{ modelType: 'bert', when: { config: { hidden_size: { exists: true }, vocab_size: { exists: true } } } }]
    write(model, {
      'package.json': { name: 'm', silane: { plugins: ['./evil'] }, dependencies: { dependency: '*' } },
      'evil/package.json': pluginPackage('evil', { id: 'evil', claims }),
      'evil/index.js': says('plugin'),
      'node_modules/dependency/package.json': pluginPackage('dependency', { id: 'evil', claims }),
      'node_modules/dependency/index.js': says('dependency'),
      'node_modules/silane/package.json': { name: 'silane', type: 'module', bin: { silane: './bin.js' } },
      'node_modules/silane/bin.js': says('silane'),
      'docs/package.json': { name: 'd', silane: { plugins: ['../evil'] } },
      'docs/node_modules/silane/package.json': { name: 'silane', type: 'module', bin: { silane: './bin.js' } },
      'docs/node_modules/silane/bin.js': says('silane in docs'),
    })
    symlinkSync(model, join(base, 'link'))
    return base
  }
  const run = (cwd: string, ...args: string[]) => {
    const { stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], { cwd, encoding: 'utf8' })
    return stdout + stderr
  }

  test.each([
    ['model', ['inspect', '.']],
    ['model', ['inspect', '../link']],
    ['link', ['inspect', './']],
    ['model', ['inspect', '--json', '../model']],
    ['model', ['plugins']],
    ['model', ['inspect', '.', '--plugin', 'dependency']],
    ['model/docs', ['inspect', '..']],
    ['model/docs', ['inspect', '../../link']],
    ['model/docs', ['validate', 'nothing', '--model=..']],
    ['model', ['convert', '.', '--seq', '24', '--no-validate', '--out', '../out']],
    ['model', ['validate', '.']],
    ['model', ['generate', '.', '--ids', '5']],
    ['model', ['benchmark', '.']],
    ['model', ['verify', '.']],
    ['model', ['--help']],
  ])('in %s: %j', (cwd, args) => {
    const base = hostile()
    const printed = run(join(base, cwd), ...args)
    expect(printed).not.toContain('RAN')
    expect(printed).not.toBe('')
    if (args[0] === 'inspect' && !args.includes('--plugin')) expect(printed).toContain('@silane/plugin-bert')
  })

  test('a checkpoint that the project lists a plugin in, by name', () => {
    const base = hostile()
    write(base, { 'package.json': { name: 'p', silane: { plugins: ['./model/evil'] } } })
    expect(run(base, 'inspect', 'model')).not.toContain('RAN')
    expect(run(base, 'inspect', fixture('base'))).toContain('RAN plugin')
  })

  test('nor where nothing but its name tells that it is one', () => {
    for (const args of [
      ['inspect', '.'],
      ['verify', '.'],
      ['convert', '--json', '.'],
      ['validate', 'x', '--model=.'],
    ]) {
      const base = hostile()
      for (const file of readdirSync(join(base, 'model')))
        if (/\.(?:json|safetensors)$/.test(file) && file !== 'package.json') rmSync(join(base, 'model', file))
      expect(run(join(base, 'model'), ...args)).toMatch(/^(?!.*RAN).*\S/s)
      expect(run(join(base, 'model/docs'), ...args.map(arg => arg.replace(/\.$/, '..')))).toMatch(/^(?!.*RAN).*\S/s)
    }
  })

  test('the folders above it are searched, and what --plugin names by path is used', () => {
    const base = hostile()
    expect(run(join(base, 'model'), 'inspect', '.', '--plugin', './evil')).toContain('RAN plugin')
    write(base, {
      'node_modules/silane/package.json': { name: 'silane', type: 'module', bin: { silane: './bin.js' } },
      'node_modules/silane/bin.js': 'console.log("the project\'s")',
    })
    expect(run(join(base, 'model'), 'inspect', '.')).toBe("the project's\n")
    expect(run(join(base, 'model/docs'), 'inspect', '..')).toBe("the project's\n")
    expect(run(base, 'convert', 'model', '--plugin', '.')).toBe("the project's\n")
  })
})

test('a conversion with validation writes its output folder and nothing else', () => {
  const base = temporary()
  for (const name of ['home', 'work', 'tmp', 'compile']) mkdirSync(join(base, name))
  // onnxruntime's telemetry would leave a log among the temporary files and a database in the home folder.
  const { ORT_DISABLE_TELEMETRY: _, ...inherited } = process.env
  const { status } = spawnSync(process.execPath, [launcher, 'convert', fixture('base'), '--seq', '24', '--out', join(base, 'out')], {
    cwd: join(base, 'work'),
    env: {
      ...inherited,
      HOME: join(base, 'home'),
      XDG_CACHE_HOME: join(base, 'home', 'cache'),
      TMPDIR: join(base, 'tmp'),
      NODE_COMPILE_CACHE: join(base, 'compile'),
    },
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  const left = readdirSync(base, { recursive: true, encoding: 'utf8' }).filter(path => !/^(?:out|compile)\b/.test(path))
  expect(left.sort()).toEqual(['home', 'tmp', 'work'])
})

test('help is there at once: no heavy module is loaded for it', () => {
  const { stderr } = spawnSync(process.execPath, ['--import', loader(), launcher, '--help'], { encoding: 'utf8' })
  const loaded = stderr
    .split('\n')
    // The table of options is a module of its own for that.
    .filter(line => !line.endsWith('/packages/core/src/plugin/options.ts'))
    .filter(line => /node_modules\/(?!\.pnpm\/commander|commander)|packages\/(?:core|onnx|coreml|runtime|checkpoint)\//.test(line))
  expect(loaded).toEqual([])
})

/** A module that prints the address of every module that is loaded. */
const loader = (): string => {
  const code = `import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { process.stderr.write(url + '\\n'); return next(url, context) } })`
  return `data:text/javascript,${encodeURIComponent(code)}`
}
