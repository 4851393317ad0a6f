import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { benchmark } from '../src/benchmark.ts'
import { convert } from '../src/convert/convert.ts'
import type { ConvertOptions } from '../src/convert/convert-options.ts'
import { openTextEncoder } from '../src/documents/text-encoder.ts'
import { openTokenizer } from '../src/generate/open-tokenizer.ts'
import { inspect } from '../src/inspect/inspect.ts'
import { validate } from '../src/validate/validate.ts'
import { verify } from '../src/verify.ts'
import { copyOf, fixture, temporary } from './workspace.ts'

const quick = (model: string, out: string, more: Partial<ConvertOptions> = {}) =>
  convert({ model, seq: [24], out, targets: ['coreml'], validate: false, ...more })

describe('files of a checkpoint', () => {
  test('that are links to others are not copied', async () => {
    const base = temporary()
    writeFileSync(join(base, 'secret'), 'secret')
    const model = copyOf('base')
    symlinkSync(join(base, 'secret'), join(model, 'merges.txt'))
    await expect(quick(model, join(base, 'out'))).rejects.toMatchObject({ code: 'E_FILE_LINK', exitCode: 2 })
    expect(existsSync(join(base, 'out'))).toBe(false)
  })

  test('that nobody wants may be links to anywhere', async () => {
    const out = join(temporary(), 'out')
    const model = copyOf('base')
    symlinkSync('/dev/zero', join(model, 'notes.json'))
    expect(await quick(model, out)).toMatchObject({ ok: true })
  })

  test('are bounded where they are copied', async () => {
    const out = join(temporary(), 'out')
    const model = copyOf('base')
    writeFileSync(join(model, 'merges.txt'), '')
    truncateSync(join(model, 'merges.txt'), 3e9)
    await expect(quick(model, out)).rejects.toMatchObject({ code: 'E_FILE_SIZE', exitCode: 2 })
    expect(existsSync(out)).toBe(false)
  })

  test('are bounded together, before the first is copied', async () => {
    const out = join(temporary(), 'out')
    const model = copyOf('base')
    for (const folder of ['a_tokenizer', 'b_tokenizer', 'c_tokenizer']) {
      mkdirSync(join(model, folder))
      writeFileSync(join(model, folder, 'vocab.txt'), '')
      truncateSync(join(model, folder, 'vocab.txt'), 2e8)
    }
    const what = expect.stringMatching(
      /^The files that go along with the model take 600\.\d MB together, [abc]_tokenizer\/vocab\.txt the most; up to 512\.0 MB are copied\.$/,
    )
    await expect(quick(model, out)).rejects.toMatchObject({ code: 'E_COPIES', exitCode: 2, what })
    expect(existsSync(out)).toBe(false)
  })

  test.each(['model.safetensors', 'tokenizer.json'])('are seen to change while they are read: %s', async name => {
    const out = join(temporary(), 'out')
    const model = copyOf('base')
    const onProgress: ConvertOptions['onProgress'] = ({ step }) => {
      if (step === 'write') utimesSync(join(model, name), 1, 1)
    }
    await expect(quick(model, out, { onProgress })).rejects.toMatchObject({ code: 'E_FILE_CHANGED', exitCode: 2 })
    expect(existsSync(out)).toBe(false)
  })
})

test('files of a checkpoint are seen to change while a folder is compared with it', async () => {
  const out = join(temporary(), 'out')
  const model = copyOf('base')
  await quick(model, out)
  const onProgress: ConvertOptions['onProgress'] = ({ step }) => {
    if (step === 'rewrite') utimesSync(join(model, 'model.safetensors'), 1, 1)
  }
  await expect(validate({ folder: out, model, onProgress })).rejects.toMatchObject({ code: 'E_FILE_CHANGED', exitCode: 2 })
})

describe('files of a converted folder', () => {
  const all = mkdtempSync(join(tmpdir(), 'silane-hostile-'))
  afterAll(() => rmSync(all, { recursive: true, force: true }))
  beforeAll(() => quick(fixture('base'), join(all, 'base'), { targets: ['onnx', 'coreml'] }))
  const converted = (): string => {
    const folder = join(temporary(), 'base')
    cpSync(join(all, 'base'), folder, { recursive: true })
    return folder
  }

  test.each(['onnx/model.onnx', 'model.mlpackage', 'silane.json'])('may not be a link to another: %s', async name => {
    const folder = converted()
    rmSync(join(folder, name), { recursive: true })
    symlinkSync(join(all, 'base', name), join(folder, name))
    const code = name === 'silane.json' ? 'E_MANIFEST' : 'E_FILE_LINK'
    await expect(benchmark({ folder, runs: 1 })).rejects.toMatchObject({
      code,
      exitCode: 2,
      what: expect.stringContaining('a link out of the folder'),
    })
    if (name === 'onnx/model.onnx') return
    await expect(inspect({ model: folder })).rejects.toMatchObject({ code })
    await expect(verify([folder])).rejects.toMatchObject({ code })
  })

  test('that are not there are findings of their check', async () => {
    const folder = converted()
    rmSync(join(folder, 'model.mlpackage'), { recursive: true })
    expect(await verify([folder])).toMatchObject([{ verdict: 'broken', findings: [{ code: 'E_PACKAGE' }] }])
  })

  test.skipIf(process.platform === 'win32')('may not be a pipe', async () => {
    const folder = converted()
    const file = join(folder, 'onnx/model.onnx')
    rmSync(file)
    execFileSync('sh', ['-c', 'mkfifo "$0"', file])
    await expect(benchmark({ folder, runs: 1 })).rejects.toMatchObject({ code: 'E_FILE_READ', exitCode: 2 })
  })

  test('that onnxruntime refuses are no fault of the converter', async () => {
    const folder = converted()
    const file = join(folder, 'onnx/model.onnx')
    writeFileSync(file, readFileSync(file).fill(0xff, 0, 200))
    await expect(benchmark({ folder, runs: 1 })).rejects.toMatchObject({ code: 'E_SESSION_FILE', exitCode: 2 })
  })

  const edited = (edit: (input: Record<string, unknown>) => void): string => {
    const folder = converted()
    const file = join(folder, 'silane.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8'))
    for (const program of manifest.programs) for (const fn of program.functions) edit(fn.inputs[0])
    writeFileSync(file, JSON.stringify(manifest))
    return folder
  }

  test.each([
    ['dtype', 'constructor', 'is no element type'],
    ['shape', [1, 1e9], 'takes 1000000048 elements in one call'],
    ['shape', [2, 2e9], 'has more than 2147483648 elements'],
    ['shape', Array(17).fill(1), 'shape'],
  ])('a manifest whose %s is %j is refused before anything is allocated', async (key, value, problem) => {
    const folder = edited(input => Object.assign(input, { [key]: value }))
    const refused = { code: 'E_MANIFEST', exitCode: 2, what: expect.stringContaining(problem) }
    await expect(benchmark({ folder, runs: 1 })).rejects.toMatchObject(refused)
  })

  test('a manifest that states other shapes than its programs have is refused before samples are made in them', async () => {
    const folder = edited(input => Object.assign(input, { shape: [1, 4e8] }))
    const before = process.resourceUsage().maxRSS
    await expect(benchmark({ folder, runs: 1 })).rejects.toMatchObject({ code: 'E_SESSION_INPUT', exitCode: 2 })
    const what = expect.stringMatching(/model\/main takes input_ids \[1, 400000000] there, and \[1, \d+] in its file/)
    await expect(validate({ folder, model: fixture('base') })).rejects.toMatchObject({ code: 'E_MANIFEST', what })
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(500)
  })

  test('a manifest whose functions share a cache of two shapes is refused', async () => {
    const folder = converted()
    const file = join(folder, 'silane.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8'))
    const [fn] = manifest.programs[0].functions
    const cache = (slots: number) => ({ ...fn.inputs[0], name: 'k', shape: [2, 8, 1, slots], role: 'cache' })
    manifest.programs[0].functions = [8, 9].map(slots => ({ ...fn, name: `f${slots}`, inputs: [...fn.inputs, cache(slots)] }))
    writeFileSync(file, JSON.stringify(manifest))
    const what = expect.stringContaining('programs.0: has functions that do not agree on the shape of a cache')
    await expect(benchmark({ folder, runs: 1 })).rejects.toMatchObject({ code: 'E_MANIFEST', what })
  })

  test('a tokenizer that does not come back is stopped', async () => {
    const folder = converted()
    const file = join(folder, 'tokenizer.json')
    const tokenizer = JSON.parse(readFileSync(file, 'utf8'))
    const pre_tokenizer = { type: 'Split', pattern: { Regex: '^(a+)+$' }, behavior: 'Isolated', invert: false }
    writeFileSync(file, JSON.stringify({ ...tokenizer, normalizer: null, pre_tokenizer }))
    const opened = await openTokenizer(folder)
    expect(opened?.encode('b').ids.length).toBeGreaterThan(0)
    const limit = expect.objectContaining({ code: 'E_TOKENIZER_LIMIT', exitCode: 2 })
    expect(() => opened?.encode(`${'a'.repeat(40)}!`)).toThrow(limit)
    expect(() => opened?.encode('b')).toThrow(limit)
  }, 30_000)

  test('what the tokenizers library throws in a call has a code', async () => {
    const opened = await openTokenizer(converted())
    expect(() => opened?.decode([])).toThrow(expect.objectContaining({ code: 'E_FOLDER_FILE' }))
    expect(opened?.encode('a', { text_pair: 'b' }).token_type_ids).toContain(1)
    opened?.close()
    expect(() => opened?.encode('a')).toThrow(expect.objectContaining({ code: 'E_TOKENIZER_LIMIT' }))
  })

  test('ids of a tokenizer that the program has not are refused', async () => {
    const folder = edited(input => Object.assign(input, input.role === 'ids' ? { below: 3 } : {}))
    const manifest = readFileSync(join(folder, 'silane.json'), 'utf8')
    writeFileSync(join(folder, 'silane.json'), manifest.replace('"name":"pooler_output"', '"name":"pooler_output","role":"embedding"'))
    const encoder = await openTextEncoder(folder)
    await expect(encoder.embed([{ text: 'a' }], 'query')).rejects.toMatchObject({ code: 'E_TOKEN_ID', exitCode: 2 })
    await encoder.close()
  })
})
