import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkPackage } from '@silane/coreml'
import { readOnnxSummary } from '@silane/onnx'
import { describe, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import type { ConvertOptions } from '../src/convert/convert-options.ts'
import { generate } from '../src/generate/generate.ts'
import { inspect } from '../src/inspect/inspect.ts'
import { readManifest } from '../src/manifest.ts'
import { validate } from '../src/validate/validate.ts'
import { copyOf, fixture, temporary, write } from './workspace.ts'

const writeOnly = { targets: ['coreml'], validate: false } as const
const quick = (out: string, more: Partial<ConvertOptions> = {}) =>
  convert({ model: fixture('base'), seq: [24], out, ...writeOnly, ...more })

/** Every file of a folder with its bytes. */
function content(folder: string): Record<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const paths = files.map(entry => join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(paths.map(path => [relative(folder, path), readFileSync(path)]))
}

describe('what convert writes', () => {
  test.each(['fp32', 'fp16'] as const)('a report that counts the nodes of the ONNX file, weights in %s', async onnxPrecision => {
    const out = join(temporary(), 'out')
    const options = { model: fixture('base'), seq: [24], targets: ['coreml', 'onnx'], onnxPrecision } as const
    const { report } = await convert({ ...options, out, validate: false })
    const { ops, initializers, weightBytes } = readOnnxSummary(join(out, 'onnx', 'model.onnx'))
    const moves = (ops.Reshape ?? 0) + (ops.Squeeze ?? 0) + (ops.Unsqueeze ?? 0)
    const [coreml, onnx] = report.functions
    expect(onnx).toMatchObject({
      target: 'onnx',
      analysis: { histogram: ops, reshapes: moves, transposes: ops.Transpose, constants: initializers, constantBytes: weightBytes },
    })
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(`Gemm ${ops.Gemm}`)
    // The same multiplications in either form, and the same counts before anything is written.
    expect(onnx?.analysis.macs).toBe(coreml?.analysis.macs)
    expect(await inspect(options)).toMatchObject({ functions: [coreml, onnx] })
  })

  test('the folder of the deployment contract', async () => {
    const out = join(temporary(), 'out')
    const { ok, manifest } = await quick(out)
    expect(ok).toBe(true)
    expect(readdirSync(out).sort()).toMatchInlineSnapshot(`
      [
        "BaseModel.swift",
        "README.md",
        "config.json",
        "model.mlpackage",
        "report.html",
        "report.json",
        "silane.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
      ]
    `)
    expect(readManifest(out)).toEqual(manifest)
    expect(manifest).toMatchInlineSnapshot(
      {
        model: { files: expect.any(Array) },
        plugin: { version: expect.any(String) },
        silane: { version: expect.any(String), core: expect.any(String) },
        programs: [{ coreml: { sha256: expect.any(String), bytes: expect.any(Number) } }],
      },
      `
      {
        "files": [
          "BaseModel.swift",
          "README.md",
          "config.json",
          "model.mlpackage/Data/com.apple.CoreML/model.mlmodel",
          "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin",
          "model.mlpackage/Manifest.json",
          "report.html",
          "report.json",
          "silane.json",
          "special_tokens_map.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "vocab.txt",
        ],
        "model": {
          "architecture": "BertModel",
          "files": Any<Array>,
          "id": "base",
          "modelType": "bert",
          "revision": null,
          "task": "feature-extraction",
        },
        "options": {
          "batch": 1,
          "max-package-size": 1000000000,
          "min-os": "ios18",
          "onnx-precision": "fp32",
          "precision": "fp16",
          "seq": 24,
          "split-head": false,
          "target": [
            "coreml",
          ],
        },
        "pipeline": {
          "kind": "encoder",
          "steps": [
            {
              "call": "model",
              "feeds": {
                "attention_mask": "attention_mask",
                "input_ids": "input_ids",
                "token_type_ids": "token_type_ids",
              },
              "gives": {
                "last_hidden_state": "last_hidden_state",
                "pooler_output": "pooler_output",
              },
            },
          ],
        },
        "plugin": {
          "id": "bert",
          "package": "@silane/plugin-bert",
          "version": Any<String>,
        },
        "programs": [
          {
            "coreml": {
              "bytes": Any<Number>,
              "path": "model.mlpackage",
              "sha256": Any<String>,
              "specVersion": 9,
            },
            "functions": [
              {
                "inputs": [
                  {
                    "below": 256,
                    "dtype": "int32",
                    "name": "input_ids",
                    "role": "ids",
                    "shape": [
                      1,
                      24,
                    ],
                  },
                  {
                    "dtype": "int32",
                    "name": "attention_mask",
                    "role": "mask",
                    "shape": [
                      1,
                      24,
                    ],
                  },
                  {
                    "below": 2,
                    "dtype": "int32",
                    "name": "token_type_ids",
                    "role": "segments",
                    "shape": [
                      1,
                      24,
                    ],
                  },
                ],
                "name": "main",
                "outputs": [
                  {
                    "dtype": "float16",
                    "name": "last_hidden_state",
                    "rows": "attention_mask",
                    "shape": [
                      1,
                      24,
                      48,
                    ],
                  },
                  {
                    "dtype": "float16",
                    "name": "pooler_output",
                    "shape": [
                      1,
                      48,
                    ],
                  },
                ],
                "states": [],
              },
            ],
            "name": "model",
          },
        ],
        "schema": 1,
        "silane": {
          "core": Any<String>,
          "version": Any<String>,
        },
      }
    `,
    )
    expect(await checkPackage(join(out, 'model.mlpackage'))).toEqual([])
  })

  test('the same bytes every time, wherever it is', async () => {
    const [a, b] = [join(temporary(), 'out'), join(temporary(), 'another', 'place')]
    await quick(a)
    await quick(b)
    const [first, second] = [content(a), content(b)]
    expect(Object.keys(second)).toEqual(Object.keys(first))
    for (const [name, bytes] of Object.entries(first)) expect(bytes.equals(second[name]!), name).toBe(true)
  })

  test.each<[string, string, readonly string[], readonly string[]]>([
    [
      'a pickle beside golden outputs and an optimizer',
      'torch-bin',
      ['optimizer.pt', 'training_args.bin'],
      ['config.json', 'pytorch_model.bin'],
    ],
    [
      'an adapter and its settings',
      'lora-classifier',
      ['optimizer.pt'],
      ['adapter_config.json', 'adapter_model.bin', 'config.json', 'pytorch_model.bin'],
    ],
    [
      'an index and its shards',
      'sharded',
      ['model-00004-of-00003.safetensors'],
      [
        'config.json',
        'model-00001-of-00003.safetensors',
        'model-00002-of-00003.safetensors',
        'model-00003-of-00003.safetensors',
        'model.safetensors.index.json',
      ],
    ],
    [
      'sub-folders of sentence-transformers',
      'sentence-transformers',
      ['1_Pooling/optimizer.pt', '2_Other/config.json.bak'],
      [
        '1_Pooling/config.json',
        'config.json',
        'model.safetensors',
        'modules.json',
        'sentence_bert_config.json',
        'special_tokens_map.json',
        'tokenizer.json',
        'tokenizer_config.json',
        'vocab.txt',
      ],
    ],
  ])('the files that were read, hashed, and no others: %s', async (_, name, beside, files) => {
    const model = copyOf(name)
    write(model, Object.fromEntries(beside.map(file => [file, 'not read'])))
    const { manifest, report } = await quick(join(temporary(), 'out'), { model })
    expect(manifest.model.files.map(({ path }) => path)).toEqual(files)
    for (const { path, bytes, sha256 } of manifest.model.files) {
      const stored = readFileSync(join(model, path))
      expect([bytes, sha256]).toEqual([stored.length, createHash('sha256').update(stored).digest('hex')])
    }
    expect(report.notes.some(note => note.includes('adapter_model.bin'))).toBe(files.includes('adapter_model.bin'))
  })

  test('tokenizers in folders of their own come along, and nothing else of these folders', async () => {
    const tokenizers = ['generator_tokenizer/merges.txt', 'question_encoder_tokenizer/vocab.txt', 'tokenizer_2/tokenizer.json']
    const others = ['generator_tokenizer/notes.txt', 'generator/tokenizer.json', 'tokenizer_2/config.json']
    const model = copyOf('base')
    write(model, Object.fromEntries([...tokenizers, ...others].map(file => [file, '{}'])))
    const out = join(temporary(), 'out')
    await quick(out, { model })
    expect(Object.keys(content(out)).filter(file => [...tokenizers, ...others].includes(file))).toEqual(tokenizers)
  })

  test('a function for each length, in one package from iOS 18 on', async () => {
    const out = join(temporary(), 'out')
    const { manifest } = await quick(out, { seq: [16, 8] })
    const [program] = manifest.programs
    expect(program?.coreml?.path).toBe('model.mlpackage')
    expect(program?.functions.map(fn => [fn.name, fn.coreml, fn.inputs[0]?.shape])).toEqual([
      ['main_16', undefined, [1, 16]],
      ['main_8', undefined, [1, 8]],
    ])
  })

  test('a package for each length below iOS 18', async () => {
    const out = join(temporary(), 'out')
    const { manifest } = await quick(out, { seq: [16, 8], minimumOs: 'ios17' })
    const [program] = manifest.programs
    expect(program?.coreml).toBeUndefined()
    expect(program?.functions.map(fn => [fn.name, fn.coreml?.path, fn.coreml?.specVersion])).toEqual([
      ['main_16', 'model_16.mlpackage', 8],
      ['main_8', 'model_8.mlpackage', 8],
    ])
  })

  test('by default beside the working directory, under the name of the model', async () => {
    const cwd = temporary()
    const { out } = await convert({
      model: fixture('base'),
      cwd,
      ...writeOnly,
      plugins: [fileURLToPath(new URL('../../../plugins/bert', import.meta.url))],
    })
    expect(out).toBe(join(cwd, 'base.silane'))
    expect(existsSync(join(out, 'silane.json'))).toBe(true)
  })

  test('fp32 where it is asked for', async () => {
    const { manifest } = await quick(join(temporary(), 'out'), { precision: 'fp32' })
    expect(manifest.programs[0]?.functions[0]?.outputs[0]?.dtype).toBe('float32')
  })
})

describe('the output folder', () => {
  test('is not touched without --force, and replaced with it', async () => {
    const parent = temporary()
    const out = join(parent, 'out')
    await quick(out)
    const { files } = (await quick(join(parent, 'again'))).manifest
    expect(files).toEqual(
      readdirSync(out, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => relative(out, join(entry.parentPath, entry.name)))
        .sort(),
    )
    writeFileSync(join(out, 'report.html'), 'changed')
    writeFileSync(join(out, '.DS_Store'), 'x')
    await expect(quick(out)).rejects.toMatchObject({ code: 'E_OUT_EXISTS' })
    await quick(out, { force: true })
    expect(readFileSync(join(out, 'report.html'), 'utf8')).not.toBe('changed')
    expect(existsSync(join(out, '.DS_Store'))).toBe(false)
    expect(readdirSync(parent).sort()).toEqual(['again', 'out'])
  })

  test.each(['mine.txt', 'tokenizer/notes.md', 'model.mlpackage/Data/extra'])('is not replaced where it holds %s besides', async file => {
    const out = join(temporary(), 'out')
    await quick(out)
    write(out, { [file]: 'x' })
    const what = expect.stringContaining(`it holds ${file}, which silane.json does not list`)
    await expect(quick(out, { force: true })).rejects.toMatchObject({ code: 'E_OUT_FOREIGN', what })
    expect(readFileSync(join(out, file), 'utf8')).toBe('x')
  })

  test('killed between the two renames: whoever looks for it is told of the old one, and the next run puts it back', async () => {
    const parent = temporary()
    const out = join(parent, 'out')
    await quick(out)
    const kept = join(parent, `.out.silane-old-${hostname().replace(/[^A-Za-z0-9]+/g, '_')}-${spawnSync('true').pid}`)
    renameSync(out, kept)
    for (const look of [inspect({ model: out }), generate({ folder: out, ids: [1] }), validate({ folder: out })])
      await expect(look).rejects.toMatchObject({ code: 'E_OUT_KEPT', what: expect.stringContaining(kept) })
    await expect(quick(out)).rejects.toMatchObject({ code: 'E_OUT_EXISTS' })
    await quick(out, { force: true })
    expect(readdirSync(parent)).toEqual(['out'])
  })

  test('is never one that silane did not write, nor one around the checkpoint', async () => {
    const out = write(join(temporary(), 'home'), { 'letter.txt': 'x' })
    await expect(quick(out, { force: true })).rejects.toMatchObject({ code: 'E_OUT_FOREIGN' })
    const model = copyOf('base')
    await expect(quick(model, { model, force: true })).rejects.toMatchObject({ code: 'E_OUT_FOREIGN' })
    await expect(quick(join(model, '..'), { model, force: true })).rejects.toMatchObject({ code: 'E_OUT_FOREIGN' })
    mkdirSync(join(out, 'empty'))
    await expect(quick(join(out, 'empty'), { force: true })).resolves.toMatchObject({ ok: true })
  })

  describe('never holds the checkpoint, whatever it is called', () => {
    /** A checkpoint that a folder of ours would pass for, with a link to it. */
    const place = () => {
      const base = temporary()
      const real = join(base, 'real', 'model')
      cpSync(fixture('base'), real, { recursive: true })
      write(join(base, 'real'), { 'silane.json': {}, 'model/silane.json': {} })
      symlinkSync(join(base, 'real'), join(base, 'linked'))
      symlinkSync(real, join(base, 'link'))
      return base
    }

    test.each([
      ['link', 'real/model'],
      ['real/model', 'link'],
      ['link', 'link'],
      ['linked/model', 'real/model'],
      ['real/model', 'linked/model'],
      ['link', 'real'],
      ['real/model', 'linked'],
      ['linked/model', 'real/../linked/model/'],
    ])('model %s, --out %s', async (model, out) => {
      const base = place()
      const options = { model: join(base, model), force: true }
      await expect(quick(join(base, out), options)).rejects.toMatchObject({
        code: 'E_OUT_FOREIGN',
        message: expect.stringContaining('it holds the checkpoint'),
      })
      expect(existsSync(join(base, 'real/model/model.safetensors'))).toBe(true)
    })

    test('nor a file that one of its names leads to, as in the cache of the hub', async () => {
      const base = temporary()
      const model = join(base, 'snapshots', 'c'.repeat(40))
      cpSync(fixture('base'), model, { recursive: true })
      write(base, { 'blobs/silane.json': {} })
      write(model, { '1_Pooling/silane.json': {} })
      renameSync(join(model, 'model.safetensors'), join(base, 'blobs/weights'))
      symlinkSync('../../blobs/weights', join(model, 'model.safetensors'))
      const refused = quick(join(base, 'blobs'), { model, force: true })
      await expect(refused).rejects.toMatchObject({ code: 'E_OUT_FOREIGN', message: expect.stringContaining('model.safetensors, which') })
      expect(existsSync(join(base, 'blobs/weights'))).toBe(true)
    })

    test('nor a folder of the checkpoint that the model is read from', async () => {
      const model = copyOf('sentence-transformers')
      write(model, { '1_Pooling/silane.json': {} })
      await expect(quick(join(model, '1_Pooling'), { model, force: true })).rejects.toMatchObject({ code: 'E_OUT_FOREIGN' })
      expect(existsSync(join(model, '1_Pooling/config.json'))).toBe(true)
    })

    test('a conversion inside the checkpoint is made and replaced: nothing of the checkpoint is in it', async () => {
      const base = place()
      const model = join(base, 'link')
      const out = join(base, 'real/model/converted')
      await quick(out, { model })
      await quick(join(base, 'link/converted'), { model, force: true })
      expect(existsSync(join(out, 'silane.json'))).toBe(true)
      expect(existsSync(join(model, 'model.safetensors'))).toBe(true)
    })

    test('nor what appears in its place while the conversion runs', async () => {
      const base = place()
      const out = join(base, 'out')
      const model = join(base, 'real/model')
      const late = (): void => {
        if (!existsSync(out)) symlinkSync(model, out)
      }
      await expect(quick(out, { model, force: true, onProgress: late })).rejects.toMatchObject({ code: 'E_OUT_FOREIGN' })
      expect(existsSync(join(model, 'model.safetensors'))).toBe(true)
    })
  })

  test('stays as it was when the conversion fails', async () => {
    const parent = temporary()
    const out = join(parent, 'out')
    await quick(out)
    const before = content(out)
    const model = copyOf('base')
    rmSync(join(model, 'vocab.txt'))
    mkdirSync(join(model, 'vocab.txt'))
    const controller = new AbortController()
    const onProgress = ({ step }: { step: string }) => {
      if (step.startsWith('write model')) controller.abort(new Error('enough'))
    }
    await expect(quick(out, { force: true, onProgress, signal: controller.signal })).rejects.toThrow('enough')
    expect(content(out)).toEqual(before)
    expect(readdirSync(parent)).toEqual(['out'])
  })

  test('leaves nothing where the parent cannot be written', async () => {
    const file = join(write(temporary(), { file: '' }), 'file')
    await expect(quick(join(file, 'out'))).rejects.toMatchObject({ code: 'E_OUT_WRITE' })
    expect(statSync(file).isFile()).toBe(true)
  })

  test('removes what a killed process left for the same folder, and nothing else', async () => {
    const parent = temporary()
    const { hostname } = await import('node:os')
    const host = hostname().replace(/[^A-Za-z0-9]+/g, '_')
    const gone = 2 ** 22 + 1
    const names = [
      `.out.silane-new-${host}-${gone}`,
      `.other.silane-new-${host}-${gone}`,
      `.out.silane-new-elsewhere-${gone}`,
      `.out.silane-new-${host}-1`,
    ]
    for (const name of names) mkdirSync(join(parent, name))
    await quick(join(parent, 'out'))
    expect(readdirSync(parent).sort()).toEqual([...names.slice(1), 'out'].sort())
  })
})

const cli = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle leaves nothing', async signal => {
  const parent = temporary()
  const args = ['convert', fixture('base'), '--seq', '8,9,10,11,12,13,14,15,16,17,18,19,20', '--out', join(parent, 'out')]
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.on('data', data => {
    told += data
  })
  // As soon as the working folder is there.
  while (readdirSync(parent).length === 0 && child.exitCode === null) await new Promise(resolve => setTimeout(resolve, 2))
  child.kill(signal)
  const code = await new Promise(resolve => child.on('exit', resolve))
  expect(told).toContain(`E_INTERRUPTED Stopped by ${signal}; nothing is left behind.`)
  expect(code).toBe(signal === 'SIGINT' ? 130 : 143)
  expect(readdirSync(parent)).toEqual([])
})

test('a write that fails in the middle leaves nothing', async () => {
  const parent = temporary()
  const out = join(parent, 'out')
  // A limit on the size of files stands in for a full disk, which a test cannot make.
  const command = 'ulimit -f 64 && exec "$@"'
  const args = [
    '-c',
    command,
    'sh',
    process.execPath,
    cli,
    'convert',
    fixture('base'),
    '--seq',
    '24',
    '--target',
    'coreml',
    '--no-validate',
    '--out',
    out,
  ]
  const child = spawn('sh', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.on('data', data => {
    told += data
  })
  expect(await new Promise(resolve => child.on('exit', resolve))).toBe(2)
  expect(told).toBe(
    `E_OUT_WRITE Cannot write to ${out}: the file is larger than the disk or the limits of this user allow.\n  Choose another place, or raise \`ulimit -f\`.\n`,
  )
  expect(readdirSync(parent)).toEqual([])
})
