import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { printError } from '../src/cli/print-error.ts'
import { style, terminal } from '../src/cli/terminal.ts'
import { printable } from '../src/printable.ts'
import { addSecret } from '../src/secrets.ts'
import { systemError } from '../src/system-error.ts'

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

describe('text of files is spelled, not done', () => {
  test.each([
    ['\u001b[31mred\u001b]0;title\u0007', '\\u001b[31mred\\u001b]0;title\\u0007'],
    ['a\rb', 'a\\u000db'],
    ['\u009b31m', '\\u009b31m'],
    ['txt.\u202eexe', 'txt.\\u202eexe'],
    ['\u2066x\u2069', '\\u2066x\\u2069'],
    ['tab\tand\nline', 'tab\tand\nline'],
    ['Grüße, 東京 👩‍👩‍👧', 'Grüße, 東京 👩‍👩‍👧'],
  ])('%j', (text, shown) => {
    expect(printable(text)).toBe(shown)
    terminal.result(text)
    terminal.note(text)
    expect(out).toBe(`${shown}\n`)
    expect(err).toBe(`${shown}\n`)
  })

  test('as JSON it stays the same value', () => {
    const value = { 'a\u202e': '\u009b\u001b[31m' }
    terminal.document(value)
    expect(out).toContain('"a\\u202e": "\\u009b\\u001b[31m"')
    expect(JSON.parse(out)).toEqual(value)
  })

  test('our own colours are done', () => {
    vi.stubEnv('FORCE_COLOR', '1')
    vi.stubEnv('NO_COLOR', undefined)
    terminal.note(
      `${style('red', 'E_X', { ...process.stderr, isTTY: true, hasColors: () => true } as unknown as NodeJS.WriteStream)} \u001b[0m`,
    )
    expect(err).toBe('\u001b[31mE_X\u001b[39m \\u001b[0m\n')
  })

  test('an error takes one line, and is no longer than a screen', () => {
    printError(Object.assign(new Error('x'), { name: 'SilaneError', code: 'E_X', what: `a\nE_FAKE b ${'c'.repeat(5000)}` }), {
      verbose: false,
      json: false,
    })
    expect(err.split('\n')).toHaveLength(2)
    expect(err).toMatch(/^E_X a\\u000aE_FAKE b c{1900,2000}… \(\d+ characters\)\n$/)
  })

  test('with its stack, what caused it is no longer either, and has an end', () => {
    const cause = new Error('d'.repeat(300_000))
    printError(Object.assign(new Error('x', { cause }), { name: 'SilaneError', code: 'E_X', what: 'a' }), { verbose: true, json: false })
    expect(err).toMatch(/caused by Error: d{2000}… \(300000 characters\)\n +at /)
    expect(err.length).toBeLessThan(10_000)
    cause.cause = cause
    printError(cause, { verbose: true, json: false })
    expect(err.match(/caused by/g)).toHaveLength(9)
  })
})

/** As the hub makes them. */
const TOKEN = `hf_${'aB3'.repeat(11)}x`

describe('secrets are not shown', () => {
  test.each([
    ['GET https://me:pass@proxy:8080/x', 'GET https://…@proxy:8080/x'],
    [`token ${TOKEN} was refused`, 'token hf_… was refused'],
    [`token ${TOKEN}. Or ${TOKEN}\\u000a`, 'token hf_…. Or hf_…\\u000a'],
    ['Authorization: Bearer abcdef', 'Authorization: Bearer …'],
    ['the value is my own secret', 'the value is …'],
  ])('%s', (text, shown) => {
    vi.stubEnv('HF_TOKEN', 'my own secret')
    terminal.note(text)
    terminal.document(text)
    expect(err).toBe(`${shown}\n`)
    expect(out).toBe(`${JSON.stringify(shown)}\n`)
  })

  test.each([
    'http://user:pa/ss99w@127.0.0.1:3128',
    'http://user:pa ss99w@127.0.0.1:3128',
    'http://user:p@ss@127.0.0.1:3128',
    'http://user:p"s\\w@127.0.0.1:3128',
    'https://user:p%40ss%20w%C3%A4@127.0.0.1:3128',
    'user:pass/word99@127.0.0.1:3128',
    'http://hf@127.0.0.1',
  ])('the password of the address %s, however it is repeated', address => {
    for (const name of ['HF_ENDPOINT', 'HTTPS_PROXY', 'http_proxy']) {
      vi.stubEnv(name, address)
      const user = address.replace(/^https?:\/\//, '').replace(/@127.*/, '')
      const password = user.slice(user.indexOf(':') + 1)
      const encoded = encodeURIComponent(password)
      const url = URL.parse(address)?.href ?? address
      for (const text of [`cannot ask ${address}/api`, `"${url}" (${url})`, `https://user:${encoded}@host`, JSON.stringify({ address })]) {
        for (const print of [terminal.note, terminal.error, terminal.result, terminal.document]) print({ text }.text)
        terminal.documentInLine({ [text]: [text] })
      }
      for (const secret of [`:${password}@`, `:${encoded}@`, JSON.stringify(password).slice(1, -1), '//hf@'].filter(
        part => part.length > 5,
      ))
        expect(out + err).not.toContain(secret)
      vi.unstubAllEnvs()
    }
  })

  test('a token in whatever form, and that of a file, once it was read', () => {
    const token = 'sEcReT"99\\x/yz'
    const spellings = [token, JSON.stringify(token), encodeURIComponent(token), `T${token}T`]
    for (const text of spellings) terminal.document({ error: { what: text } })
    expect(out).toContain('99')
    out = ''
    addSecret(token)
    for (const text of spellings) {
      terminal.note(text)
      terminal.document({ [text]: { what: text } })
      terminal.documentInLine([text])
    }
    expect(out + err).not.toMatch(/sEcReT|99/)
    expect(out.split('\n').filter(line => line === '}')).toHaveLength(4)
  })
})

test.each([
  './hf_models/bert',
  '/models/hf_output1',
  `./${TOKEN}/bert`,
  `/models/${TOKEN}`,
  `${TOKEN}.silane`,
  'hf://m1@main',
  'hf://org/m@main/encoder',
  'git+ssh://git@host/x',
  'https://host/org/name/tree/main/a@b',
  'the Bearer of news',
  'C:\\\\hf_models\\\\x',
])('a name is not a secret: %s', name => {
  vi.stubEnv('HF_ENDPOINT', 'https://m1@host')
  const value = { model: name, models: { [name]: [`convert ${name} --out x`] } }
  terminal.document(value)
  expect(JSON.parse(out)).toEqual(value)
  out = ''
  terminal.documentInLine(value)
  expect(out).toBe(`${JSON.stringify(value)}\n`)
  terminal.note(name)
  expect(err).toBe(`${name}\n`)
})

describe('answers of the operating system get a code and words', () => {
  const answer = (code: string, path?: string) =>
    systemError(Object.assign(new Error(`${code}: ?`), { code, syscall: 'write', ...(path === undefined ? {} : { path }) }))

  test.each([
    [answer('ENOSPC'), 'Reading or writing a file failed (write): the disk is full.'],
    [answer('EROFS', '/somewhere/x'), '/somewhere/x: the disk can only be read.'],
    [answer('ENAMETOOLONG', '/aaa'), '/aaa: the name is too long.'],
    [answer('EWHAT', '/a'), '/a: the system answers EWHAT.'],
  ])('%#', (error, what) => {
    expect(error).toMatchObject({ name: 'SilaneError', code: 'E_SYSTEM', what, exitCode: 2 })
  })

  test('others stay what they are', () => {
    const error = new TypeError('x')
    expect(systemError(error)).toBe(error)
  })
})
