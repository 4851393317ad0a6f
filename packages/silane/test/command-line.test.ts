import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Command } from 'commander'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { addCommands } from '../src/cli/commands.ts'
import { formatSeconds, formatTable } from '../src/cli/format.ts'
import { progressLine } from '../src/cli/progress-line.ts'
import { terminal } from '../src/cli/terminal.ts'
import { main } from '../src/cli.ts'
import { readManifest } from '../src/manifest.ts'
import { fixture, temporary, write } from './workspace.ts'

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
  vi.unstubAllEnvs()
})

/** The program as it stands, without anything that runs. */
function commands(): readonly Command[] {
  const program = new Command('silane')
  addCommands(program, () => {})
  return program.commands
}
const verbs = commands().map(command => command.name())

describe('help', () => {
  test('verbs stand in groups', async () => {
    expect(await main(['--help'])).toBe(0)
    const heads = [...out.matchAll(/^(\S.*):$/gm)].map(([, head]) => head)
    expect(heads).toEqual(['Options', 'Convert and check', 'Look', 'Use what was converted', 'Plugins, CI and the shell'])
    for (const verb of verbs) expect(out).toMatch(new RegExp(`^  ${verb} `, 'm'))
  })

  test.each(verbs)('%s: examples that can be pasted, and every default', async verb => {
    expect(await main(['help', verb])).toBe(0)
    const shown = out
    out = ''
    expect(await main([verb, '--help'])).toBe(0)
    expect(out).toBe(shown)
    const examples = shown.slice(shown.indexOf('Examples:\n')).split('\n').slice(1).filter(Boolean)
    expect(examples.length).toBeGreaterThan(0)
    const command = commands().find(each => each.name() === verb)
    for (const line of examples) {
      expect(line.trim()).toMatch(new RegExp(`^silane ${verb}\\b`))
      for (const [flag] of line.matchAll(/(?<=\s)--?[a-z][\w-]*/g))
        expect(
          command?.options.flatMap(option => [option.long, option.short]),
          line,
        ).toContain(flag)
    }
    // What takes a value and need not be given, and is no part of what is asked for, has a default that is said.
    const free = ['--text', '--ids', '--question', '--points', '--box', '--set', '--option', '--merge', '--print']
    for (const option of command?.options ?? [])
      if (option.required && !option.mandatory && !free.includes(option.long ?? ''))
        expect(option.description, option.flags).toContain('default: ')
    for (const line of shown.split('\n').filter(line => !examples.includes(line))) expect(line.length).toBeLessThanOrEqual(80)
  })

  test('of a verb that there is not', async () => {
    expect(await main(['help', 'convrt'])).toBe(2)
    expect(err).toBe("E_USAGE Unknown command 'convrt'.\n  See `silane --help`.\n")
    expect(out).toBe('')
  })

  test('the version, both ways', async () => {
    for (const flag of ['-V', '--version']) {
      out = ''
      expect(await main([flag])).toBe(0)
      expect(out).toMatch(/^\d+\.\d+\.\d+\n$/)
    }
  })
})

test.each([
  [[], 'No verb is given.', 'See `silane --help`.'],
  [['convrt'], "Unknown command 'convrt' (Did you mean convert?)", 'See `silane --help`.'],
  [['convert'], "Missing required argument 'model'.", 'See `silane help convert`.'],
  [['convert', 'x', '--bogus'], "Unknown option '--bogus'.", 'See `silane help convert`.'],
  [['index', 'x'], "Required option '--documents <file>' not specified.", 'See `silane help index`.'],
  [['generate', 'x', '--from', 'mars'], /argument 'mars' is invalid\. Allowed choices are onnx, coreml\.$/, 'See `silane help generate`.'],
  // Not the task "--json".
  [['inspect', 'x', '--task'], "Option '--task <task>' argument missing.", 'See `silane help inspect`.'],
  [['convert', 'x', '--seq', 'many'], /argument 'many' is invalid/, 'See `silane help convert`.'],
])('a command line that is wrong is a document too: %j', async (argv, what, next) => {
  // A flag alone is no verb.
  expect(await main([...argv, ...(argv.length > 0 ? ['--json'] : [])])).toBe(2)
  const expected = typeof what === 'string' ? what : expect.stringMatching(what)
  if (argv.length > 0) expect(JSON.parse(out)).toEqual({ error: { code: 'E_USAGE', what: expected, next } })
  else expect(err).toContain('Usage: silane')
})

describe('completion', () => {
  /** What bash offers for a line, whose last word is being written. */
  function complete(line: string): readonly string[] {
    const words = line.split(' ').flatMap(word => word.split(/(=)/).filter((part, _, parts) => part !== '' || parts.length === 1))
    const code = `${script}\nCOMP_WORDS=(${words.map(word => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length - 1}\n_silane\nprintf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', code], { encoding: 'utf8' })
    expect([stderr, status]).toEqual(['', 0])
    return stdout.split('\n').filter(Boolean)
  }
  let script = ''
  beforeEach(async () => {
    expect(await main(['completion', 'bash'])).toBe(0)
    script = out
  })

  test('of bash, run by bash', () => {
    expect(complete('silane c')).toEqual(['convert', 'caption', 'classify', 'ci', 'completion'])
    expect(complete('silane help va')).toEqual(['validate'])
    expect(complete('silane convert --pre')).toEqual(['--precision', '--prefill'])
    expect(complete('silane convert x --target ')).toEqual(['coreml', 'onnx'])
    expect(complete('silane convert x --target=c')).toEqual(['coreml'])
    expect(complete('silane --quiet generate x --from o')).toEqual(['onnx'])
    expect(complete('silane completion ')).toEqual(['bash', 'zsh', 'fish'])
    // The shell's own: files.
    expect(complete('silane convert ')).toEqual([])
    expect(complete('silane convert x --out ')).toEqual([])
    expect(complete('silane generate x --ca')).toEqual([])
    for (const command of commands())
      expect(complete(`silane ${command.name()} --`)).toEqual([
        ...command.options.map(({ long }) => long),
        ...(['--quiet', '--verbose', '--help'] as const),
      ])
  })

  test.each(['zsh', 'fish'])('of %s has every verb and every flag', async shell => {
    out = ''
    expect(await main(['completion', shell])).toBe(0)
    for (const command of commands()) {
      expect(out).toContain(command.summary().replaceAll("'", shell === 'zsh' ? "'\\''" : "\\'"))
      for (const { long } of command.options) expect(out).toContain(shell === 'zsh' ? `${long}` : `-l ${long?.slice(2)}`)
    }
    if (existsSync(`/usr/bin/${shell}`)) expect(spawnSync(shell, ['-n'], { input: out, encoding: 'utf8' }).stderr).toBe('')
  })
})

describe('a converted folder', () => {
  let [place, work] = ['', '']
  beforeAll(async () => {
    const { mkdtempSync } = await import('node:fs')
    const { tmpdir } = await import('node:os')
    work = mkdtempSync(join(tmpdir(), 'silane-cli-'))
    place = join(work, 'out')
    const silent = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')].map(spy => spy.mockImplementation(() => true))
    expect(await main(['convert', fixture('base'), '--seq', '24', '-o', place, '--name', 'TextEncoder', '--quiet'])).toBe(0)
    for (const spy of silent) spy.mockRestore()
    return async () => {
      const { rmSync } = await import('node:fs')
      rmSync(work, { recursive: true, force: true })
    }
  })

  test('--name names what is written, and the manifest says so', () => {
    const [program] = readManifest(place).programs
    expect(program).toMatchObject({ name: 'model', coreml: { path: 'TextEncoder.mlpackage' } })
    expect(program?.functions[0]?.onnx?.path).toBe('onnx/TextEncoder.onnx')
    expect(existsSync(join(place, 'TextEncoder.mlpackage/Manifest.json'))).toBe(true)
    expect(existsSync(join(place, 'onnx/TextEncoder.onnx'))).toBe(true)
    // Two encoders in one app have two namespaces.
    expect(readFileSync(join(place, 'TextEncoderModel.swift'), 'utf8')).toContain('enum TextEncoderModel {')
  })

  test('verify takes it, and folds what is found often', async () => {
    expect(await main(['verify', place])).toBe(0)
    expect(out).toBe(`ok ${join(place, 'TextEncoder.mlpackage')}\n`)
    expect(err).toBe('')
    out = ''
    expect(await main(['verify', place, '--json', '--quiet'])).toBe(0)
    expect(JSON.parse(out)).toMatchObject([{ verdict: 'ok' }])
    expect(err).toBe('')
    expect(await main(['verify', temporary()])).toBe(1)
  })

  test('--quiet leaves the result and errors', async () => {
    expect(await main(['validate', place, '--model', fixture('base'), '-q'])).toBe(0)
    expect(out).toMatch(/^ok: 14 outputs pass.*\n$/)
    expect(err).toBe('')
    expect(await main(['validate', place, '--model', './nowhere', '-q'])).toBe(2)
    expect(err).toMatch(/^E_MODEL_FOLDER/)
  })
})

test('--name: several programs have theirs behind it; names that cannot be are refused', { timeout: 60_000 }, async () => {
  const place = join(temporary(), 'out')
  const t5 = join(fixture('base'), '../../../t5/fixtures/text2text')
  expect(await main(['convert', t5, '--seq', '24', '--context', '32', '--no-validate', '-o', place, '--name', 'Small'])).toBe(0)
  const paths = readManifest(place).programs.map(({ coreml, functions }) => [coreml?.path, ...functions.map(({ onnx }) => onnx?.path)])
  expect(paths.flat()).toEqual(
    expect.arrayContaining([
      'Small_encoder.mlpackage',
      'onnx/Small_encoder.onnx',
      'Small_decoder.mlpackage',
      'onnx/Small_decoder_step.onnx',
    ]),
  )
  expect(await main(['validate', place, '--model', t5])).toBe(0)
  for (const name of ['../x', '', 'a b', '1st', 'a'.repeat(65)]) {
    err = ''
    expect(await main(['convert', t5, '--seq', '24', '--context', '32', '-o', join(temporary(), 'x'), '--name', name])).toBe(2)
    expect(err).toContain('E_OPTION Option --name:')
  }
})

test('--subfolder of a folder', async () => {
  const place = join(temporary(), 'out')
  expect(await main(['convert', join(fixture('base'), '..'), '--subfolder', 'base', '--seq', '24', '--no-validate', '-o', place])).toBe(0)
  expect(readManifest(place).model.id).toBe('base')
  expect(await main(['inspect', fixture('base'), '--subfolder', '../x'])).toBe(2)
  expect(err).toContain('E_MODEL_NAME')
})

test('a token of the command line is a secret', () => {
  terminal.begin({ token: 'not-to-be-seen' })
  terminal.note('asked with not-to-be-seen')
  terminal.begin({})
  expect(err).toBe('asked with …\n')
})

/** A stream that is, or is not, a terminal of so many columns without colours, and what was written to it. */
function stream(isTTY: boolean, columns = 80) {
  vi.stubEnv('FORCE_COLOR', undefined)
  const written: string[] = []
  const facts = { isTTY, columns, getColorDepth: () => 1, write: (text: string) => written.push(text) > 0 }
  return { written, stream: Object.assign(new PassThrough(), facts) as unknown as NodeJS.WriteStream }
}

describe('progress', () => {
  test('on a terminal: sizes, speed and time left, in one line', () => {
    const { written, stream: to } = stream(true)
    let now = 0
    const line = progressLine(to, () => now)
    line.show({ step: 'download a.safetensors', bytes: 0, total: 90e6, fraction: 0 })
    now = 2
    line.show({ step: 'download a.safetensors', bytes: 40e6, total: 90e6, fraction: 0.44 })
    line.show({ step: 'download b.safetensors', bytes: 0, total: 10e6, fraction: 0 })
    now = 4
    line.show({ step: 'download b.safetensors', bytes: 10e6, total: 20e6, fraction: 0.5 })
    line.show({ step: 'write', fraction: 0.5 })
    line.clear()
    const shown = written.map(text => text.replace('\r\u001b[K', ''))
    expect(shown).toEqual([
      '… download a.safetensors 0 %, 0 B of 90.0 MB',
      '… download a.safetensors 44 %, 40.0 MB of 90.0 MB, 20.0 MB/s, 2.5 s left',
      '… download 2 files 45 %, 50.0 MB of 110.0 MB, 12.5 MB/s, 4.8 s left',
      '… write 50 %',
      '',
    ])
    for (const text of shown) expect(text.length).toBeLessThan(80)
  })

  test('without one: a line for each step that is done', () => {
    const { written, stream: to } = stream(false)
    let now = 0
    const line = progressLine(to, () => now)
    const file = { step: 'download model.safetensors', total: 90_900_000 }
    line.show({ step: 'open checkpoint' })
    line.show({ ...file, bytes: 0 })
    line.show({ ...file, bytes: 50_000_000 })
    now = 8.1
    line.show({ ...file, bytes: 90_900_000 })
    line.show({ step: 'download config.json', bytes: 0, total: 600 })
    line.show({ step: 'download config.json', bytes: 600, total: 600 })
    line.show({ step: 'write', seconds: 0.9 })
    line.show({ step: 'finish', seconds: 0.01 })
    line.show({ step: 'validate', seconds: 250 })
    expect(written).toEqual(['downloaded model.safetensors 90.9 MB in 8.1 s\n', 'write … 0.9 s\n', 'validate … 4 min 10 s\n'])
  })

  test('with --quiet: nothing', () => {
    for (const isTTY of [true, false]) {
      const { written, stream: to } = stream(isTTY)
      terminal.begin({ quiet: true })
      const line = progressLine(to)
      line.show({ step: 'write', fraction: 0.5 })
      line.show({ step: 'write', seconds: 3 })
      terminal.begin({})
      expect(written).toEqual([])
    }
  })

  test('times as a person says them', () => {
    expect([0.0123, 8.14, 99.96, 3599, 7500].map(formatSeconds)).toEqual(['12.3 ms', '8.1 s', '1 min 40 s', '59 min 59 s', '2 h 5 min'])
  })
})

describe('tables', () => {
  const rows = [
    ['model/main', 'last_hidden_state', 'package, every op rounded vs source graph, and more of it', '61.6', '1,234,567'],
    ['a_rather_long_program_name/prefill', 'a_very_long_name_of_an_output_that_nobody_would_choose', 'short', '7.25', '3'],
  ]
  const head = ['function', 'output', 'what is compared', 'dB', 'multiply accumulates']

  test('fit 80 columns, figures to the right and whole', () => {
    const table = formatTable(head, rows, stream(false).stream)
    const lines = table.split('\n')
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80)
    expect(table).toMatchInlineSnapshot(`
      "function                  output                     what is     dB     multiply
                                                           compared        accumulates
      model/main                last_hidden_state          package,  61.6    1,234,567
                                                           every op
                                                           rounded
                                                           vs
                                                           source
                                                           graph,
                                                           and more
                                                           of it
      a_rather_long_program_    a_very_long_name_of_an_    short     7.25            3
      name/prefill              output_that_nobody_would_
                                choose"
    `)
    for (const figure of ['61.6', '1,234,567', '7.25']) expect(table).toContain(figure)
    // Nothing is lost.
    const whole = (text: string) => text.replace(/\s/g, '')
    for (const word of rows.flat().flatMap(cell => cell.split(/ |(?<=[/_.,-])/))) expect(whole(table)).toContain(whole(word))
  })

  test('fit a wider or a narrower terminal', () => {
    for (const columns of [60, 100, 200]) {
      const lines = formatTable(head, rows, stream(true, columns).stream).split('\n')
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns)
      if (columns === 200) expect(lines).toHaveLength(3)
    }
  })
})

test('silane.ci.json that is not there: what to write', async () => {
  const folder = write(temporary(), { 'other.json': {} })
  for (const verb of ['matrix', 'ci']) {
    out = ''
    expect(await main([verb, '--config', join(folder, 'silane.ci.json'), '--json'])).toBe(2)
    expect(JSON.parse(out)).toMatchObject({
      error: { code: 'E_CI_FILE_MISSING', what: 'There is no silane.ci.json.', next: expect.stringContaining('"models"') },
    })
  }
})

test('doctor ends with advice on the runtime, which is no failure', async () => {
  vi.stubEnv('SILANE_RUNTIME', 'onnxruntime-wasm')
  expect(await main(['doctor', '--plugin', join(fixture('base'), '../..')])).toBe(0)
  expect(out.trim().split('\n').at(-1)).toMatch(/^note: .*npm install onnxruntime-node$/)
})
