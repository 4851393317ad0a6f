import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readAll } from '@silane/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { indexOfShards } from '../src/counted-shards.ts'
import { openCheckpoint } from '../src/index.ts'
import { jsonLimit } from '../src/read-json-file.ts'
import { readShards } from '../src/read-shards.ts'
import type { WeightsFile } from '../src/weights-file.ts'
import { failure, temporary } from './temporary.ts'
import { rawSafetensors, safetensors, scalars } from './write-safetensors.ts'

const open = (files: Readonly<Record<string, string | Uint8Array>>) => openCheckpoint(temporary(files))

describe('a folder', () => {
  it('is read lazily, with names relative to it', async () => {
    const folder = temporary({
      'config.json': '{"model_type": "bert", "hidden_size": 8}',
      'model.safetensors': scalars({ a: 1, b: 2 }),
      'training_args.bin': 'no',
      '1_Pooling/config.json': '{}',
      '1_Pooling/deeper/config.json': '{}',
      '.git/HEAD': 'x',
    })
    const checkpoint = await openCheckpoint(folder)
    expect(checkpoint).toMatchObject({
      location: folder,
      id: basename(folder),
      revision: null,
      config: { hidden_size: 8 },
      tensorNames: ['a', 'b'],
    })
    expect(checkpoint.files).toEqual(['1_Pooling/config.json', 'config.json', 'model.safetensors', 'training_args.bin'])
    expect(checkpoint.path('1_Pooling/config.json')).toBe(join(folder, '1_Pooling/config.json'))
    expect(checkpoint.json('missing.json')).toBeUndefined()
    expect(checkpoint.tensor('c')).toBeUndefined()
    expect(checkpoint.tensor('b')).toMatchObject({ dtype: 'fp32', shape: [1] })
    expect(checkpoint.tensor('b')!.id).toMatch(/^model\.safetensors@\d+:fp32\[1\]$/)
    const { file, offset } = checkpoint.tensor('b')!.at!
    expect(readFileSync(file).readFloatLE(offset)).toBe(readAll(checkpoint.tensor('b')!)[0])
    expect(readAll(checkpoint.tensor('b')!)).toEqual(new Float32Array([2]))
    checkpoint.close()
    checkpoint.close()
  })

  it('has an empty configuration where there is no config.json', async () => {
    const checkpoint = await open({ 'sam.safetensors': scalars({ a: 1 }) })
    expect(checkpoint.config).toEqual({})
    expect(checkpoint.has('config.json')).toBe(false)
    expect(checkpoint.tensorNames).toEqual(['a'])
    checkpoint.close()
  })

  it('has sub-folders that are checkpoints', async () => {
    const checkpoint = await open({
      'model.safetensors': scalars({ w: 1 }),
      '2_Dense/model.safetensors': scalars({ w: 2 }),
      '2_Dense/config.json': '{"a": 1}',
    })
    const dense = checkpoint.folder('2_Dense')
    expect(dense).toMatchObject({ config: { a: 1 }, tensorNames: ['w'], files: ['config.json', 'model.safetensors'] })
    expect(readAll(dense.tensor('w')!)).toEqual(new Float32Array([2]))
    expect(dense.tensor('w')!.id).not.toBe(checkpoint.tensor('w')!.id)
    expect(checkpoint.folder('3_Normalize').files).toEqual([])
    checkpoint.close()
    expect(() => dense.tensor('w')!.read(0, 1)).toThrow('closed')
  })

  it('prefers safetensors to pickles and whole files to shards', async () => {
    const both = await open({ 'model.safetensors': scalars({ a: 1 }), 'model.safetensors.index.json': '{}', 'pytorch_model.bin': 'no' })
    expect(both.tensorNames).toEqual(['a'])
    both.close()
  })

  it('may be made of links within it, and into the blobs of the hub for a snapshot', async () => {
    const cache = temporary({ 'blobs/aa': scalars({ a: 1 }), 'blobs/bb': '{"model_type":"x"}' })
    const snapshot = join(cache, 'snapshots', 'c'.repeat(40))
    mkdirSync(snapshot, { recursive: true })
    symlinkSync('../../blobs/aa', join(snapshot, 'model.safetensors'))
    symlinkSync('../../blobs/bb', join(snapshot, 'config.json'))
    symlinkSync('../../blobs/gone', join(snapshot, 'tokenizer.json'))
    const checkpoint = await openCheckpoint(snapshot)
    expect(checkpoint.files).toEqual(['config.json', 'model.safetensors'])
    expect(checkpoint.config).toEqual({ model_type: 'x' })
    expect([...checkpoint.tensor('a')!.read(0, 1)]).toEqual([1])
    checkpoint.close()

    const folder = temporary({ 'other.safetensors': scalars({ a: 2 }) })
    symlinkSync('other.safetensors', join(folder, 'model.safetensors'))
    const linked = await openCheckpoint(folder)
    expect([...linked.tensor('a')!.read(0, 1)]).toEqual([2])
    linked.close()
  })

  describe('links out of it', () => {
    const outside = () => temporary({ secret: 'secret', 'config.json': '{}', 'w.safetensors': scalars({ a: 1 }), 'aa/config.json': '{}' })

    it('are refused where they are read', async () => {
      const elsewhere = outside()
      const folder = temporary({ 'model.safetensors': scalars({ a: 1 }) })
      symlinkSync(join(elsewhere, 'secret'), join(folder, 'merges.txt'))
      symlinkSync(join(elsewhere, 'config.json'), join(folder, 'vocab.json'))
      const checkpoint = await openCheckpoint(folder)
      for (const read of [() => checkpoint.path('merges.txt'), () => checkpoint.json('vocab.json')])
        expect(await failure(read, folder, realpathSync(elsewhere))).toMatch(
          /^E_FILE_LINK: (merges.txt|vocab.json) is a link out of the folder, to <place>\/(secret|config.json)\./,
        )
      checkpoint.close()
    })

    it('are refused as config.json and as weights', async () => {
      for (const [name, target] of [
        ['config.json', 'config.json'],
        ['model.safetensors', 'w.safetensors'],
      ] as const) {
        const folder = temporary()
        symlinkSync(join(outside(), target), join(folder, name))
        expect(await failure(() => openCheckpoint(folder))).toContain('E_FILE_LINK')
      }
    })

    it('are refused into the blobs of another model, and where no snapshot is', async () => {
      const cache = temporary({ 'a/blobs/aa': '{}', 'b/blobs/bb': '{}', 'blobs/cc': '{}' })
      const commit = join(cache, 'a/snapshots', 'c'.repeat(40))
      mkdirSync(commit, { recursive: true })
      symlinkSync('../../../b/blobs/bb', join(commit, 'config.json'))
      expect(await failure(() => openCheckpoint(commit))).toContain('E_FILE_LINK')
      const plain = join(cache, 'plain/folder')
      mkdirSync(plain, { recursive: true })
      symlinkSync('../../blobs/cc', join(plain, 'config.json'))
      expect(await failure(() => openCheckpoint(plain))).toContain('E_FILE_LINK')
    })

    it('are not followed to list a folder, and one beside is not taken for it', async () => {
      const base = temporary({ 'model/model.safetensors': scalars({ a: 1 }), 'model2/config.json': '{}' })
      symlinkSync(join(outside(), 'aa'), join(base, 'model/1_Pooling'))
      symlinkSync('../model2/config.json', join(base, 'model/vocab.json'))
      const checkpoint = await openCheckpoint(join(base, 'model'))
      expect(checkpoint.files).toEqual(['model.safetensors', 'vocab.json'])
      expect(await failure(() => checkpoint.json('vocab.json'))).toContain('E_FILE_LINK')
      checkpoint.close()
    })
  })

  it.skipIf(process.platform === 'win32')('does not wait for a pipe', async () => {
    for (const name of ['model.safetensors', 'config.json']) {
      const folder = temporary()
      execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, name)])
      expect(await failure(() => openCheckpoint(folder))).toContain(`E_FILE_READ: ${name} cannot be read: it is not a regular file.`)
    }
  })

  it('says that a folder has the name of a file', async () => {
    const folder = temporary({ 'config.json/x': '' })
    expect(await failure(() => openCheckpoint(folder))).toContain('E_FILE_READ: config.json cannot be read: it is not a regular file.')
  })

  it.each(['config.json', 'model.safetensors', 'vocab.txt'])('notices that %s changes after it was taken', async name => {
    const folder = temporary({ 'config.json': '{}', 'model.safetensors': scalars({ a: 1 }), 'vocab.txt': 'a', 'notes.txt': 'a' })
    const checkpoint = await openCheckpoint(folder)
    onTestFinished(() => checkpoint.close())
    checkpoint.path('vocab.txt')
    writeFileSync(join(folder, 'notes.txt'), 'bb')
    checkpoint.checkUnchanged()
    const path = join(folder, name)
    const { atime, mtime } = statSync(path)
    utimesSync(path, atime, new Date(mtime.getTime() + 5000))
    const changed = `E_FILE_CHANGED: ${name} was changed while it was read`
    expect(await failure(() => checkpoint.checkUnchanged())).toContain(changed)
    rmSync(path)
    expect(await failure(() => checkpoint.checkUnchanged())).toContain(changed)
  })

  it('reads every element type', async () => {
    const given = {
      fp64: new Float64Array([1.5, -2]),
      fp32: new Float32Array([1.5, -2]),
      fp16: new Float16Array([1.5, -2]),
      bf16: new Uint16Array([0x3fc0, 0xc000]),
      int64: new BigInt64Array([2n ** 60n, -1n]),
      int32: new Int32Array([1, -2]),
      int16: new Int16Array([1, -2]),
      int8: new Int8Array([1, -2]),
      uint32: new Uint32Array([1, 2]),
      uint16: new Uint16Array([1, 2]),
      uint8: new Uint8Array([1, 2]),
      bool: new Uint8Array([1, 0]),
    } as const
    // The odd byte in front puts every element at a place that its type could not be read from directly.
    const tensors = { odd: { dtype: 'uint8', shape: [1], data: new Uint8Array(1) } } as const
    const typed = Object.entries(given).map(([dtype, data]) => [dtype, { dtype: dtype as keyof typeof given, shape: [2], data }])
    const checkpoint = await open({ 'model.safetensors': safetensors({ ...tensors, ...Object.fromEntries(typed) }) })
    for (const [dtype, data] of Object.entries(given)) {
      expect(checkpoint.tensor(dtype)!.dtype).toBe(dtype)
      expect(checkpoint.tensor(dtype)!.read(0, 2)).toEqual(data)
      expect(checkpoint.tensor(dtype)!.read(1, 1)).toEqual(data.slice(1))
      expect(() => checkpoint.tensor(dtype)!.read(1, 2)).toThrow(RangeError)
    }
    checkpoint.close()
  })

  it('turns booleans of any byte into 0 and 1', async () => {
    const header = { b: { dtype: 'BOOL', shape: [3], data_offsets: [0, 3] } }
    const checkpoint = await open({ 'model.safetensors': rawSafetensors(header, new Uint8Array([0, 1, 255])) })
    expect(checkpoint.tensor('b')!.read(0, 3)).toEqual(new Uint8Array([0, 1, 1]))
    checkpoint.close()
  })

  it('gives meaning to no name', async () => {
    const names = ['__proto__', 'constructor', 'toString', '__metadata']
    const header = `{${names.map((name, i) => `"${name}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`).join(',')}}`
    const checkpoint = await open({
      'model.safetensors': rawSafetensors(header, new Uint8Array([1, 2, 3, 4])),
      'config.json': '{"__proto__": {"polluted": 1}, "x": NaN, "constructor": {"prototype": {"polluted": 1}}}',
    })
    expect(checkpoint.tensorNames).toEqual(names)
    expect(readAll(checkpoint.tensor('__proto__')!)).toEqual(new Uint8Array([1]))
    expect(checkpoint.tensor('hasOwnProperty')).toBeUndefined()
    expect(checkpoint.config.polluted).toBeUndefined()
    expect(Object.getPrototypeOf(checkpoint.config)).toBe(Object.prototype)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    checkpoint.close()
  })

  it('joins shards in the order of the index', async () => {
    const checkpoint = await open({
      'model.safetensors.index.json': JSON.stringify({ metadata: {}, weight_map: { b: '2.safetensors', a: '1.safetensors' } }),
      '1.safetensors': scalars({ a: 1, unlisted: 3 }),
      '2.safetensors': scalars({ b: 2 }),
    })
    expect(checkpoint.tensorNames).toEqual(['b', 'a'])
    expect(checkpoint.tensor('unlisted')).toBeUndefined()
    expect(readAll(checkpoint.tensor('a')!)).toEqual(new Float32Array([1]))
    checkpoint.close()
  })
})

describe('JSON as Python writes it', () => {
  it.each<[string, unknown]>([
    [
      '{"a": NaN, "b": [Infinity, -Infinity, -1.5e3], "c": {"d": "NaN, \\"x\\" \\u00e9"}, "e": [], "f": {}}',
      { a: Number.NaN, b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1500], c: { d: 'NaN, "x" é' }, e: [], f: {} },
    ],
    ['\ufeff{"a": 1}', { a: 1 }],
    [' { "a" : [ true , false , null , NaN ] } ', { a: [true, false, null, Number.NaN] }],
  ])('%s', async (text, value) => {
    const checkpoint = await open({ 'config.json': text })
    expect(checkpoint.config).toEqual(value)
    checkpoint.close()
  })

  it.each([
    ['{"a": 1,}', 'expected a key in double quotes in line 1, column 9'],
    ['{"a": 1\n "b": 2}', 'expected "," or "}" in line 2, column 2'],
    ['{"a" 1}', 'expected ":" in line 1, column 6'],
    ['[1 2]', 'expected "," or "]" in line 1, column 4'],
    ['{"a": tru}', 'unexpected "t" in line 1, column 7'],
    ['{"a": "x', 'a string that does not end in line 1, column 7'],
    ['{"a": "\\q"}', 'a broken string in line 1, column 7'],
    ['{"a": 01}', 'expected "," or "}" in line 1, column 8'],
    ['{} x', 'something follows the value in line 1, column 4'],
    ['', 'the file ends in line 1, column 1'],
  ])('says where %s is wrong', async (text, problem) => {
    expect(await failure(() => open({ 'config.json': text }))).toContain(problem)
  })
})

describe('errors of checkpoints', () => {
  const fails = async (
    files: Readonly<Record<string, string | Uint8Array>>,
    act: (opened: Awaited<ReturnType<typeof open>>) => unknown = () => undefined,
  ) => {
    const folder = temporary(files)
    return await failure(async () => {
      const checkpoint = await openCheckpoint(folder)
      try {
        await act(checkpoint)
      } finally {
        checkpoint.close()
      }
    }, folder)
  }
  const weights = (header: unknown, bytes = 0) => ({ 'model.safetensors': rawSafetensors(header, new Uint8Array(bytes)) })
  const entry = (change: object, bytes = 4) => weights({ w: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...change } }, bytes)
  const index = (map: unknown, more = {}) => ({ 'model.safetensors.index.json': JSON.stringify({ weight_map: map }), ...more })

  it('E_MODEL_FOLDER', async () => {
    const folder = temporary({ file: 'x' })
    expect(await failure(() => openCheckpoint(join(folder, 'no')), folder)).toMatchInlineSnapshot(`
      "E_MODEL_FOLDER: No folder "<place>/no".
      Looked in: <place>
      Give a folder that holds config.json and the weights, or an id on the hub such as org/name."
    `)
    for (const model of ['./no', '../no', '/no', '~/no-such-folder', 'a/b/c', '', 'no/', join(folder, 'file')]) {
      expect(await failure(() => openCheckpoint(model)), model).toContain('E_MODEL_FOLDER')
    }
  })

  it('E_MODEL_NAME', async () => {
    expect(await failure(() => openCheckpoint('org/na me'))).toMatchInlineSnapshot(`
      "E_MODEL_NAME: "org/na me" is neither a folder nor an id on the hub: an id consists of letters, digits, "-", "_" and ".".
      Give a folder, an id such as org/name or org/name@revision, hf://org/name@revision/folder, or the address of a model's page on the hub."
    `)
    expect(await failure(() => openCheckpoint('org/name@a', { revision: 'b' }))).toMatchInlineSnapshot(`
      "E_MODEL_NAME: "org/name@a" is neither a folder nor an id on the hub: it says another revision than the option, "b".
      Give a folder, an id such as org/name or org/name@revision, hf://org/name@revision/folder, or the address of a model's page on the hub."
    `)
    for (const model of ['org/a--b', 'org/name@../x', 'org/-x', 'org/name@', 'org/name@a\\b']) {
      expect(await failure(() => openCheckpoint(model)), model).toContain('E_MODEL_NAME')
    }
  })

  it('E_FILE_NAME', async () => {
    expect(await fails(index({ w: '../other/model.safetensors' }))).toMatchInlineSnapshot(`
      "E_FILE_NAME: model.safetensors.index.json names the file "../other/model.safetensors", which does not stay inside the checkpoint's folder.
      Looked in: <place>
      Do not trust this checkpoint; names in it must be plain relative ones."
    `)
    for (const name of ['/etc/passwd', 'a/../../b', '..\\x', 'C:x', 'a//b', './a', 'a\0b', '', '.', '..', 'x'.repeat(1000)]) {
      expect(await fails(index({ w: name })), name).toContain('E_FILE_NAME')
      expect(await fails({}, checkpoint => checkpoint.path(name)), name).toContain('E_FILE_NAME')
      expect(await fails({}, checkpoint => checkpoint.folder(name)), name).toContain('E_FILE_NAME')
    }
  })

  it('E_FILE_MISSING', async () => {
    expect(await fails({}, checkpoint => checkpoint.path('vocab.txt'))).toMatchInlineSnapshot(`
      "E_FILE_MISSING: There is no file "vocab.txt".
      Looked in: <place>
      Check that the download of the checkpoint is complete."
    `)
  })

  it('E_FILE_READ', async () => {
    const text = await fails({ 'model.safetensors': scalars({ w: 1 }) }, checkpoint => {
      writeFileSync(checkpoint.path('model.safetensors'), 'short')
      checkpoint.tensor('w')?.read(0, 1)
    })
    expect(text).toMatchInlineSnapshot(`
      "E_FILE_READ: model.safetensors cannot be read: it ends at byte 93.
      Looked in: <place>
      Check the file and its permissions, and that nothing rewrites it meanwhile."
    `)
  })

  it('E_CHECKPOINT_CLOSED', async () => {
    const text = await fails({ 'model.safetensors': scalars({ w: 1 }) }, checkpoint => {
      checkpoint.close()
      checkpoint.tensor('w')?.read(0, 1)
    })
    expect(text).toMatchInlineSnapshot(`
      "E_CHECKPOINT_CLOSED: model.safetensors was read after its checkpoint had been closed.
      Looked in: <place>
      Keep the checkpoint open until everything that holds its tensors has been written."
    `)
  })

  it('E_LFS_POINTER', async () => {
    expect(await fails({ 'model.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n' })).toMatchInlineSnapshot(`
      "E_LFS_POINTER: model.safetensors is a Git LFS pointer, not the file itself.
      Looked in: <place>
      Run \`git lfs pull\` in that folder, or give the id on the hub and let silane download the file."
    `)
  })

  it('E_JSON', async () => {
    expect(await fails({ 'config.json': '{\n  "a": 1\n  "b": 2\n}' })).toMatchInlineSnapshot(`
      "E_JSON: config.json is not valid JSON: expected "," or "}" in line 3, column 3.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails({ 'config.json': new Uint8Array([0x22, 0xff, 0x22]) })).toContain('the text is not UTF-8')
  })

  it('E_JSON_LIMIT', async () => {
    expect(await fails({ 'config.json': '['.repeat(100) })).toMatchInlineSnapshot(`
      "E_JSON_LIMIT: config.json has deeper nesting than the 64 that are read of a JSON file.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails({ 'config.json': `[${'0,'.repeat(16_000_001)}0]` })).toMatchInlineSnapshot(`
      "E_JSON_LIMIT: config.json has more values and keys than the 8000000 that are read of a JSON file.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(weights(`{"a":${'['.repeat(50_000_000)}`))).toContain('E_JSON_LIMIT')
  })

  it('E_JSON_KIND', async () => {
    expect(await fails({ 'config.json': '[]' })).toMatchInlineSnapshot(`
      "E_JSON_KIND: config.json does not hold an object.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
  })

  it('E_FILE_SIZE', async () => {
    const folder = temporary({ 'config.json': '' })
    truncateSync(join(folder, 'config.json'), 100e6)
    expect(await failure(() => openCheckpoint(folder), folder)).toMatchInlineSnapshot(`
      "E_FILE_SIZE: config.json is 100.0 MB long; at most 64.0 MB are read of such a file.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(['tokenizer.json', 'encoder/vocab.json', 'model.safetensors.index.json'].map(jsonLimit)).toEqual([128e6, 128e6, 128e6])
    expect(['tokenizer_config.json', 'index.json', 'added_tokens.json'].map(jsonLimit)).toEqual([64e6, 64e6, 64e6])
  })

  it('E_SAFETENSORS_TRUNCATED', async () => {
    const whole = scalars({ w: 1 })
    expect(await fails({ 'model.safetensors': whole.subarray(0, 5) })).toMatchInlineSnapshot(`
      "E_SAFETENSORS_TRUNCATED: model.safetensors ends too early: the length of the header needs 8 bytes, the file has 5.
      Looked in: <place>
      The download was probably cut off; fetch the file again."
    `)
    expect(await fails({ 'model.safetensors': whole.subarray(0, 30) })).toMatchInlineSnapshot(`
      "E_SAFETENSORS_TRUNCATED: model.safetensors ends too early: the header needs 93 bytes, the file has 30.
      Looked in: <place>
      The download was probably cut off; fetch the file again."
    `)
    expect(await fails({ 'model.safetensors': whole.subarray(0, -1) })).toMatchInlineSnapshot(`
      "E_SAFETENSORS_TRUNCATED: model.safetensors ends too early: its content needs 97 bytes, the file has 96.
      Looked in: <place>
      The download was probably cut off; fetch the file again."
    `)
    expect(await fails({ 'model.safetensors': new Uint8Array() })).toContain('E_SAFETENSORS_TRUNCATED')
  })

  it('E_SAFETENSORS_HEADER', async () => {
    expect(await fails(weights('[]'))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_HEADER: model.safetensors has no valid safetensors header: it does not begin with "{".
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(weights({}, 3))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_HEADER: model.safetensors has no valid safetensors header: 3 bytes belong to no tensor.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    for (const header of ['', ' {}', '"x"', 'null']) expect(await fails(weights(header)), header).toContain('E_SAFETENSORS_HEADER')
    expect(await fails(weights('{"a": nope}'))).toContain('the header of model.safetensors is not valid JSON')
  })

  it('E_SAFETENSORS_LIMIT', async () => {
    const huge = new Uint8Array(16)
    new DataView(huge.buffer).setBigUint64(0, 2n ** 62n, true)
    expect(await fails({ 'model.safetensors': huge })).toMatchInlineSnapshot(`
      "E_SAFETENSORS_LIMIT: model.safetensors: the length of the header is 4611686018427388000; the limit is 100000000.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    const many = Array.from({ length: 300_001 }, (_, i) => `"${i}":0`)
    expect(await fails(weights(`{${many}}`))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_LIMIT: model.safetensors: the number of tensors is 300001; the limit is 300000.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
  })

  it('E_SAFETENSORS_TENSOR', async () => {
    expect(await fails(entry({ shape: [-1] }))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_TENSOR: model.safetensors: the entry of tensor "w" is broken: "shape" is not a list of whole numbers from 0 on.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    const broken: object[] = [
      { shape: [1.5] },
      { shape: '1' },
      { shape: [2 ** 53] },
      { shape: [2 ** 40, 2 ** 40] },
      { shape: new Array(65).fill(1) },
      { shape: [true] },
      { dtype: 32 },
      { dtype: undefined },
      { data_offsets: [0] },
      { data_offsets: [0, 4, 8] },
      { data_offsets: [-4, 0] },
      { data_offsets: ['0', '4'] },
      { data_offsets: [0, 1e300] },
      { data_offsets: null },
    ]
    for (const change of broken) expect(await fails(entry(change)), JSON.stringify(change)).toContain('E_SAFETENSORS_TENSOR')
    for (const value of [null, 1, 'x', []]) expect(await fails(weights({ w: value }))).toContain('E_SAFETENSORS_TENSOR')
    expect(await fails(weights({ ['w'.repeat(513)]: {} }))).toContain('its name has 513 characters; the limit is 512')
  })

  it('E_SAFETENSORS_OFFSETS', async () => {
    const two = (first: number[], second: number[]) =>
      weights({ a: { dtype: 'U8', shape: [4], data_offsets: first }, b: { dtype: 'U8', shape: [4], data_offsets: second } }, 12)
    expect(await fails(two([0, 4], [3, 7]))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_OFFSETS: model.safetensors: tensor "b" has a wrong place in the file: it begins at 3, inside the tensor before it, which ends at 4.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(two([0, 4], [8, 12]))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_OFFSETS: model.safetensors: tensor "b" has a wrong place in the file: it begins at 8, but the tensor before it ends at 4.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(entry({ shape: [2] }))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_OFFSETS: model.safetensors: tensor "w" has a wrong place in the file: [2] of F32 takes 8 bytes, it has 4.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(entry({ data_offsets: [4, 0] }))).toMatchInlineSnapshot(`
      "E_SAFETENSORS_OFFSETS: model.safetensors: tensor "w" has a wrong place in the file: it ends at 0, before it begins at 4.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(entry({ shape: [2 ** 50] }))).toContain('E_SAFETENSORS_OFFSETS')
    expect(await fails(two([0, 4], [0, 4]))).toContain('E_SAFETENSORS_OFFSETS')
  })

  it('E_TENSOR_DTYPE, only when the tensor is asked for', async () => {
    const folder = entry({ dtype: 'F8_E8M0' })
    expect(await fails(folder, checkpoint => expect(checkpoint.tensorNames).toEqual(['w'])).catch(error => error.message)).toBe('no error')
    expect(await fails(folder, checkpoint => checkpoint.tensor('w'))).toMatchInlineSnapshot(`
      "E_TENSOR_DTYPE: Tensor "w" in model.safetensors has the element type F8_E8M0, which silane does not read.
      Looked in: <place>
      Use a checkpoint in F32, F16 or BF16; quantised weights can be saved in one of these with transformers."
    `)
    expect(await fails(entry({ dtype: 'constructor' }), checkpoint => checkpoint.tensor('w'))).toContain('E_TENSOR_DTYPE')
  })

  it('E_SHARD_INDEX', async () => {
    expect(await fails(index({ w: 3 }))).toMatchInlineSnapshot(`
      "E_SHARD_INDEX: model.safetensors.index.json is not an index of shards: "weight_map" does not give a file name for each tensor.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(index({ w: 'model.safetensors.index.json' }))).toMatchInlineSnapshot(`
      "E_SHARD_INDEX: model.safetensors.index.json is not an index of shards: it names "model.safetensors.index.json" as a shard.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    expect(await fails(index(Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [i, `${i}.safetensors`]))))).toMatchInlineSnapshot(`
      "E_SHARD_INDEX: model.safetensors.index.json is not an index of shards: it names 1025 files; the limit is 1024.
      Looked in: <place>
      Download the file again; if it stays the same, it was published broken."
    `)
    for (const map of [null, [], 'x', undefined]) expect(await fails(index(map))).toContain('E_SHARD_INDEX')
  })

  it('of shards whose headers are too long together, before the rest is opened', () => {
    let opened = 0
    const shard = (name: string): WeightsFile => {
      opened++
      return { names: [name], ahead: 60_000_000, tensor: () => undefined, stored: () => undefined }
    }
    const files = Array.from({ length: 9 }, (_, i) => `${i}`)
    const map = { weight_map: Object.fromEntries(files.map(name => [name, name])) }
    expect(() => readShards(map, 'x.index.json', 'here', shard)).toThrow('headers of its files have more than 134217728 bytes')
    expect(() => indexOfShards(files, shard, 'here')).toThrow('2 is a shard without an index, and headers up to it have more than')
    expect(opened).toBe(6)
  })

  it('of shards that have too many tensors together', () => {
    const shard = (name: string): WeightsFile => ({
      names: Array.from({ length: 200_000 }, (_, i) => `${name}${i}`),
      tensor: () => undefined,
      stored: () => undefined,
    })
    const map = { weight_map: { a0: 'a', b0: 'b' } }
    expect(() => readShards(map, 'x.index.json', 'here', shard)).toThrow('its files have more than 300000 tensors')
    expect(readShards({ weight_map: { a0: 'a' } }, 'x.index.json', 'here', shard).names).toEqual(['a0'])
    expect(() => indexOfShards(['a', 'b'], shard, 'here')).toThrow(
      'b is a shard without an index, and those up to it have more than 300000',
    )
  })

  it('E_SHARD_MISSING', async () => {
    expect(await fails(index({ a: '1.safetensors', b: '2.safetensors' }, { '1.safetensors': scalars({ a: 1 }) }))).toMatchInlineSnapshot(`
      "E_SHARD_MISSING: model.safetensors.index.json names the shard "2.safetensors", which is missing.
      Looked in: <place>
      Complete the download of the checkpoint."
    `)
  })

  it('E_SHARD_TENSOR', async () => {
    expect(await fails(index({ a: '1.safetensors', b: '1.safetensors' }, { '1.safetensors': scalars({ a: 1 }) }))).toMatchInlineSnapshot(`
      "E_SHARD_TENSOR: model.safetensors.index.json says that "b" is in 1.safetensors, but it is not there.
      Looked in: <place>
      Index and shards come from different versions; download all of them again."
    `)
  })

  it('E_WEIGHTS_MISSING', async () => {
    expect(await fails({ 'config.json': '{}' }, checkpoint => checkpoint.tensor('w'))).toMatchInlineSnapshot(`
      "E_WEIGHTS_MISSING: The checkpoint has no weights: neither model.safetensors nor pytorch_model.bin, nor an index of shards of one of them.
      Looked in: <place>
      Give a folder or an id with PyTorch or safetensors weights."
    `)
  })

  it('E_WEIGHTS_AMBIGUOUS', async () => {
    expect(await fails({ 'a.safetensors': '', 'b.safetensors': '' })).toMatchInlineSnapshot(`
      "E_WEIGHTS_AMBIGUOUS: Any of these could be the weights: a.safetensors, b.safetensors.
      Looked in: <place>
      Name the right one model.safetensors or pytorch_model.bin, or move the others away."
    `)
  })

  it('E_FOLDER_SIZE', async () => {
    const { checkpointErrors } = await import('../src/index.ts')
    const call = () => {
      throw checkpointErrors.E_FOLDER_SIZE({ limit: 5, where: '<place>' })
    }
    expect(await failure(call)).toMatchInlineSnapshot(`
      "E_FOLDER_SIZE: The folder has more than 5 files, which no checkpoint has.
      Looked in: <place>
      Give the folder that holds config.json and the weights."
    `)
  })
})
