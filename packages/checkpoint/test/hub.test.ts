import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAll } from '@silane/core'
import { describe, expect, it, vi } from 'vitest'
import { openCheckpoint, type Progress } from '../src/index.ts'
import { commits, fakeHub } from './fake-hub.ts'
import { failure, temporary } from './temporary.ts'
import { safetensors, scalars } from './write-safetensors.ts'

// The pauses between attempts are for servers, not for tests.
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }))

const config = JSON.stringify({ model_type: 'bert' })
const large = safetensors({ w: { dtype: 'fp32', shape: [50_000], data: Float32Array.from({ length: 50_000 }, (_, i) => i) } })

const downloads = (requests: readonly string[]) =>
  requests.filter(line => line.includes('/resolve/')).map(line => line.replace(/.*\/resolve\/[^/]+\//, ''))

describe('a cache that cannot be used is named', () => {
  const files = { 'config.json': config, 'model.safetensors': scalars({ a: 1 }) }

  it.each([
    ['where a file stands', (cache: string) => writeFileSync(cache, ''), 'a part of the path is no folder'],
    [
      'a link into nothing',
      (cache: string) => symlinkSync(join(cache, '..', 'nothing', 'at', 'all'), cache),
      'a part of the path is no folder',
    ],
    [
      'a folder where a file goes',
      (cache: string) => mkdirSync(join(cache, 'models--org--name', 'refs', 'main', 'x'), { recursive: true }),
      'it is a folder',
    ],
  ])('%s', async (_, spoil, problem) => {
    const parent = temporary()
    const cache = join(parent, 'cache')
    spoil(cache)
    await fakeHub('org/name', { main: files }, cache)
    expect(await failure(() => openCheckpoint('org/name'), parent)).toContain(
      `E_HUB_CACHE: The cache of the hub, <place>/cache, cannot be used: ${problem}.`,
    )
  })
})

describe('the hub', () => {
  it('downloads what a conversion needs, and nothing else, into the shared cache', async () => {
    const cache = temporary()
    const files = {
      'config.json': config,
      'tokenizer.json': '{}',
      'vocab.txt': 'a\n',
      'spiece.model': 'x',
      'README.md': '# yes',
      LICENSE: 'yes',
      'notes.md': '# no',
      'model.safetensors': scalars({ a: 1 }),
      'pytorch_model.bin': 'no',
      'pytorch_model.bin.index.json': '{}',
      'model.onnx': 'no',
      'tf_model.h5': 'no',
      'onnx/model.onnx': 'no',
      'onnx/config.json': 'no',
    }
    const { requests } = await fakeHub('org/name', { main: files }, cache)
    const checkpoint = await openCheckpoint('org/name')
    expect(downloads(requests).sort()).toEqual([
      'LICENSE',
      'README.md',
      'config.json',
      'model.safetensors',
      'spiece.model',
      'tokenizer.json',
      'vocab.txt',
    ])
    expect(checkpoint).toMatchObject({ location: 'org/name@main', id: 'org/name', revision: commits.main, config: { model_type: 'bert' } })
    expect(readAll(checkpoint.tensor('a')!)).toEqual(new Float32Array([1]))
    checkpoint.close()
    const folder = join(cache, 'models--org--name')
    expect(readFileSync(join(folder, 'refs/main'), 'utf8')).toBe(commits.main)
    const link = readlinkSync(join(folder, 'snapshots', commits.main, 'model.safetensors'))
    expect(link).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/)
    expect(readdirSync(join(folder, 'blobs')).filter(blob => blob.endsWith('.incomplete'))).toEqual([])
  })

  it('takes the modules of sentence-transformers along', async () => {
    const files = {
      'config.json': config,
      'modules.json': '[]',
      'model.safetensors': scalars({ a: 1 }),
      '1_Pooling/config.json': '{"pooling_mode_mean_tokens": true}',
      '2_Dense/config.json': '{}',
      '2_Dense/model.safetensors': scalars({ 'linear.weight': 2 }),
      '2_Dense/pytorch_model.bin': 'no',
      'openvino/openvino_model.bin': 'no',
    }
    const { requests } = await fakeHub('org/name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('org/name')
    expect(downloads(requests)).toContain('2_Dense/model.safetensors')
    expect(downloads(requests)).not.toContain('2_Dense/pytorch_model.bin')
    expect(checkpoint.folder('1_Pooling').config).toEqual({ pooling_mode_mean_tokens: true })
    expect(readAll(checkpoint.folder('2_Dense').tensor('linear.weight')!)).toEqual(new Float32Array([2]))
    checkpoint.close()
  })

  it('takes tokenizers in folders of their own along', async () => {
    const files = {
      'config.json': config,
      'model.safetensors': scalars({ a: 1 }),
      'question_encoder_tokenizer/vocab.txt': 'a\n',
      'question_encoder_tokenizer/tokenizer_config.json': '{}',
      'generator_tokenizer/merges.txt': 'a b\n',
      'generator/config.json': 'no',
    }
    const { requests } = await fakeHub('org/name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('org/name')
    expect(checkpoint.files).toEqual(
      Object.keys(files)
        .filter(file => file !== 'generator/config.json')
        .sort(),
    )
    expect(downloads(requests)).not.toContain('generator/config.json')
    checkpoint.close()
  })

  it('takes a model from the folder that modules.json names, and finds it there without a network', async () => {
    const cache = temporary()
    const files = {
      'modules.json': '[{"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}]',
      '0_Transformer/config.json': config,
      '0_Transformer/model.safetensors': scalars({ a: 1 }),
    }
    await fakeHub('org/name', { main: files }, cache)
    for (const offline of [false, true]) {
      const checkpoint = await openCheckpoint('org/name', { offline })
      expect(checkpoint).toMatchObject({ config: { model_type: 'bert' }, tensorNames: ['a'] })
      checkpoint.close()
    }
  })

  it('downloads the shards that an index names', async () => {
    const index = { weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' } }
    const files = {
      'config.json': config,
      'model.safetensors.index.json': JSON.stringify(index),
      'model-00001-of-00002.safetensors': scalars({ a: 1 }),
      'model-00002-of-00002.safetensors': scalars({ b: 2 }),
    }
    await fakeHub('name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('name')
    expect(checkpoint.tensorNames).toEqual(['a', 'b'])
    checkpoint.close()
  })

  it('downloads the shards that count up without an index', async () => {
    const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
    const files = { 'config.json': config, [first]: scalars({ a: 1 }), [second]: scalars({ b: 2 }) }
    await fakeHub('name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('name')
    expect(checkpoint.tensorNames).toEqual(['a', 'b'])
    checkpoint.close()
    const cache = temporary({
      'models--org--name/refs/main': commits.main,
      [`models--org--name/snapshots/${commits.main}/config.json`]: config,
      [`models--org--name/snapshots/${commits.main}/${first}`]: scalars({ a: 1 }),
    })
    await fakeHub('org/name', { main: files }, cache)
    expect(await failure(() => openCheckpoint('org/name', { offline: true }), cache)).toContain(`Missing: ${second}.`)
    const completed = await openCheckpoint('org/name')
    expect(completed.tensorNames).toEqual(['a', 'b'])
    completed.close()
  })

  it('pins a revision', async () => {
    const cache = temporary()
    const main = { 'config.json': config, 'model.safetensors': scalars({ a: 1 }) }
    const { requests } = await fakeHub('org/name', { main, v1: { ...main, 'model.safetensors': scalars({ a: 7 }) } }, cache)
    for (const open of [() => openCheckpoint('org/name@v1'), () => openCheckpoint('org/name', { revision: commits.v1 })]) {
      const checkpoint = await open()
      expect(checkpoint.revision).toBe(commits.v1)
      expect(readAll(checkpoint.tensor('a')!)).toEqual(new Float32Array([7]))
      checkpoint.close()
    }
    const asked = requests.length
    const again = await openCheckpoint(`org/name@${commits.v1}`)
    again.close()
    expect(requests.length, 'a commit in the cache needs no request').toBe(asked)
  })

  it('continues a download that breaks off', async () => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': large } }, temporary())
    hub.cuts.push(60_000, 50_000)
    const progress: Progress[] = []
    const checkpoint = await openCheckpoint('org/name', { onProgress: report => progress.push(report) })
    expect(checkpoint.tensor('w')!.read(49_999, 1)).toEqual(new Float32Array([49_999]))
    checkpoint.close()
    expect(downloads(hub.requests).filter(line => line !== 'config.json')).toEqual([
      'model.safetensors',
      'model.safetensors bytes=60000-',
      'model.safetensors bytes=110000-',
    ])
    const weights = progress.filter(report => report.file === 'model.safetensors')
    expect(weights.at(0)).toEqual({ file: 'model.safetensors', bytes: 0, total: large.length })
    expect(weights.at(-1)).toEqual({ file: 'model.safetensors', bytes: large.length, total: large.length })
    expect(weights.map(report => report.bytes)).toEqual(weights.map(report => report.bytes).sort((a, b) => a - b))
  })

  it.each([false, true])('continues what an aborted run left (server without ranges: %s)', async ignoreRanges => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': large } }, temporary())
    hub.ignoreRanges = ignoreRanges
    hub.cuts.push(60_000)
    const abort = new AbortController()
    const stopped = openCheckpoint('org/name', {
      signal: abort.signal,
      onProgress: ({ bytes }) => {
        if (bytes >= 60_000) abort.abort()
      },
    })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    hub.requests.length = 0
    const checkpoint = await openCheckpoint('org/name')
    // What was beside it may have been stopped too.
    expect(downloads(hub.requests).filter(line => line !== 'config.json')).toEqual(['model.safetensors bytes=60000-'])
    expect(checkpoint.tensor('w')!.read(49_999, 1)).toEqual(new Float32Array([49_999]))
    checkpoint.close()
  })

  it('starts anew where the part that was left is damaged', async () => {
    const cache = temporary()
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': large } }, cache)
    hub.cuts.push(60_000, 0, 0, 0, 0, 0)
    await failure(() => openCheckpoint('org/name'))
    const blobs = join(cache, 'models--org--name/blobs')
    const partial = readdirSync(blobs).find(blob => blob.endsWith('.incomplete'))!
    writeFileSync(join(blobs, partial), new Uint8Array(60_000))
    const checkpoint = await openCheckpoint('org/name')
    expect(checkpoint.tensor('w')!.read(3, 1)).toEqual(new Float32Array([3]))
    checkpoint.close()
  })

  it('opens the cached snapshot without a network', async () => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': large } }, temporary())
    ;(await openCheckpoint('org/name')).close()
    await hub.stop()
    for (const options of [{}, { offline: true }]) {
      const checkpoint = await openCheckpoint('org/name', options)
      expect(checkpoint.revision).toBe(commits.main)
      checkpoint.close()
    }
    hub.requests.length = 0
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    ;(await openCheckpoint('org/name')).close()
    expect(hub.requests).toEqual([])
  })

  it('keeps names from leaving the cache', async () => {
    const cache = temporary()
    const hub = await fakeHub('org/name', { main: { 'config.json': config, '..\\..\\evil.json': '{}' } }, cache)
    expect(await failure(() => openCheckpoint('org/name'), hub.endpoint)).toContain('E_HUB_RESPONSE')
    expect(existsSync(join(cache, 'evil.json'))).toBe(false)
  })
})

describe('errors of the hub', () => {
  const files = { 'config.json': config, 'model.safetensors': scalars({ a: 1 }) }

  it('E_HUB_NOT_FOUND', async () => {
    const hub = await fakeHub('org/name', { main: files }, temporary())
    expect(await failure(() => openCheckpoint('org/nmae'), hub.endpoint)).toMatchInlineSnapshot(`
      "E_HUB_NOT_FOUND: The hub has no model "org/nmae", or it is private.
      Looked in: <place>
      Check the name. For a private model, set HF_TOKEN to a token that may read it."
    `)
    expect(await failure(() => openCheckpoint('org/nmae', { token: 'hf_x' }), hub.endpoint)).toMatchInlineSnapshot(`
      "E_HUB_NOT_FOUND: The hub has no model "org/nmae" that this token may see.
      Looked in: <place>
      Check the name. For a private model, use a token of someone who may read it."
    `)
  })

  it('E_HUB_REVISION', async () => {
    const hub = await fakeHub('org/name', { main: files }, temporary())
    expect(await failure(() => openCheckpoint('org/name@v9'), hub.endpoint)).toMatchInlineSnapshot(`
      "E_HUB_REVISION: The model "org/name" has no branch, tag or commit "v9".
      Looked in: <place>
      Give an existing revision, or none for the main branch."
    `)
  })

  it('E_HUB_ACCESS', async () => {
    const hub = await fakeHub('org/name', { main: files }, temporary())
    hub.token = 'hf_right'
    expect(await failure(() => openCheckpoint('org/name'), hub.endpoint)).toMatchInlineSnapshot(`
      "E_HUB_ACCESS: The hub does not give access to "org/name" without a token: it is gated or private.
      Looked in: <place>
      Accept the terms on <place>/org/name, then give --token, or set HF_TOKEN, to a token of that account (from https://huggingface.co/settings/tokens)."
    `)
    expect(await failure(() => openCheckpoint('org/name', { token: 'hf_wrong' }), hub.endpoint)).toMatchInlineSnapshot(`
      "E_HUB_ACCESS: The hub does not give access to "org/name" with this token: it is gated or private.
      Looked in: <place>
      Accept the terms on <place>/org/name, then give --token, or set HF_TOKEN, to a token of that account (from https://huggingface.co/settings/tokens)."
    `)
    vi.stubEnv('HF_TOKEN', 'hf_right')
    ;(await openCheckpoint('org/name')).close()
  })

  it('E_HUB_OFFLINE', async () => {
    const cache = temporary()
    const hub = await fakeHub('org/name', { main: files }, cache)
    expect(await failure(() => openCheckpoint('org/name', { offline: true }), cache)).toMatchInlineSnapshot(`
      "E_HUB_OFFLINE: "org/name" at main is not complete in the cache, and silane was told to stay offline. Missing: all files.
      Looked in: <place>
      Run once with access to the hub (without --offline and HF_HUB_OFFLINE), or give a folder that holds the model."
    `)
    await hub.stop()
    const port = new URL(hub.endpoint).port
    expect(await failure(() => openCheckpoint('org/name'), cache, port)).toMatchInlineSnapshot(`
      "E_HUB_OFFLINE: "org/name" at main is not complete in the cache, and the hub cannot be reached (connect ECONNREFUSED 127.0.0.1:<place>). Missing: all files.
      Looked in: <place>
      Run once with access to the hub (without --offline and HF_HUB_OFFLINE), or give a folder that holds the model."
    `)
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    expect(await failure(() => openCheckpoint('org/name'), cache)).toMatchInlineSnapshot(`
      "E_HUB_OFFLINE: "org/name" at main is not complete in the cache, and HF_HUB_OFFLINE is set. Missing: all files.
      Looked in: <place>
      Run once with access to the hub (without --offline and HF_HUB_OFFLINE), or give a folder that holds the model."
    `)
  })

  it('E_HUB_OFFLINE names the shards that are missing', async () => {
    const index = { weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } }
    const folder = `models--org--name/snapshots/${commits.main}`
    const cache = temporary({
      'models--org--name/refs/main': commits.main,
      [`${folder}/config.json`]: config,
      [`${folder}/model.safetensors.index.json`]: JSON.stringify(index),
      [`${folder}/model-1.safetensors`]: scalars({ a: 1 }),
    })
    await fakeHub('org/name', { main: files }, cache)
    expect(await failure(() => openCheckpoint('org/name', { offline: true }), cache)).toMatchInlineSnapshot(`
      "E_HUB_OFFLINE: "org/name" at main is not complete in the cache, and silane was told to stay offline. Missing: model-2.safetensors.
      Looked in: <place>
      Run once with access to the hub (without --offline and HF_HUB_OFFLINE), or give a folder that holds the model."
    `)
  })

  it('E_HUB_DOWNLOAD', async () => {
    const hub = await fakeHub('org/name', { main: files }, temporary())
    hub.cuts.push(0, 0, 0, 0, 0, 0)
    const text = await failure(() => openCheckpoint('org/name'))
    // How the system calls a broken connection depends on the moment.
    expect(text.replace(/failed: .*/, 'failed: <reason>.')).toMatchInlineSnapshot(`
      "E_HUB_DOWNLOAD: The download of model.safetensors failed: <reason>.
      Looked in: org/name@main
      Run the command again; what has arrived is kept and the download continues there."
    `)
  })

  it('E_HUB_FILE', async () => {
    const hub = await fakeHub('org/name', { main: files }, temporary())
    hub.corrupt = true
    expect(await failure(() => openCheckpoint('org/name'))).toMatchInlineSnapshot(`
      "E_HUB_FILE: config.json arrived damaged: its checksum is 3c4932e2e8cd6603dc19c30232166d2cc3629684 instead of 3967ff7fee9d40eb77abadd6a292230496ca9f24.
      Looked in: org/name@main
      The damaged file has been removed; run the command again."
    `)
  })

  it('E_HUB_RESPONSE', async () => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'a\nb.json': '{}' } }, temporary())
    expect(await failure(() => openCheckpoint('org/name'), hub.endpoint)).toMatchInlineSnapshot(`
      "E_HUB_RESPONSE: The hub gave an answer that makes no sense: a listing of org/name has the entry {"type":"file","oid":"9e26dfeeb6e641a33dae4961196235bdb965b21b","size":2,"path":"a\\nb.json"}.
      Looked in: <place>
      If HF_ENDPOINT is set, check that it names a hub."
    `)
  })
})
