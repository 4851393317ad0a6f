import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAll } from '@silane/core'
import { describe, expect, it, vi } from 'vitest'
import { hubAddress } from '../src/hub/hub-address.ts'
import { inOrder } from '../src/hub/in-order.ts'
import { openCheckpoint } from '../src/index.ts'
import { commits, fakeHub } from './fake-hub.ts'
import { failure, temporary } from './temporary.ts'
import { scalars } from './write-safetensors.ts'

vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }))

const hub = 'https://huggingface.co'

describe('a model on the hub', () => {
  it.each([
    ['org/name', 'org/name', 'main', undefined],
    ['gpt2', 'gpt2', 'main', undefined],
    ['org/name@v1', 'org/name', 'v1', undefined],
    ['hf://org/name', 'org/name', 'main', undefined],
    ['hf://org/name/', 'org/name', 'main', undefined],
    ['hf://gpt2@v1', 'gpt2', 'v1', undefined],
    ['hf://org/name@v1/text_encoder', 'org/name', 'v1', 'text_encoder'],
    ['hf://org/name/a/b', 'org/name', 'main', 'a/b'],
    ['hf://org/name@refs/pr/7/a', 'org/name', 'refs/pr/7', 'a'],
    ['hf://org/name@refs%2Fpr%2F7/a', 'org/name', 'refs/pr/7', 'a'],
    [`${hub}/org/name`, 'org/name', 'main', undefined],
    [`${hub}/gpt2`, 'gpt2', 'main', undefined],
    [`${hub}/gpt2/tree/v1`, 'gpt2', 'v1', undefined],
    ['https://hf.co/org/name?library=transformers#usage', 'org/name', 'main', undefined],
    [`${hub}/org/name/tree/v1`, 'org/name', 'v1', undefined],
    [`${hub}/org/name/tree/main/text_encoder/`, 'org/name', 'main', 'text_encoder'],
    [`${hub}/org/name/tree/refs%2Fpr%2F7/a%20b`, 'org/name', 'refs/pr/7', 'a b'],
    [`${hub}/org/name/blob/v1/config.json`, 'org/name', 'v1', undefined],
    [`${hub}/org/name/resolve/v1/vae/config.json?download=true`, 'org/name', 'v1', 'vae'],
    [`${hub}/org/name/discussions/3`, 'org/name', 'main', undefined],
    ['http://127.0.0.1:8080/org/name', 'org/name', 'main', undefined],
  ])('%s', (model, name, revision, subfolder) => {
    expect(hubAddress(model, {}, 'http://127.0.0.1:8080')).toEqual({ name, revision, subfolder })
  })

  it('may be said in two parts', () => {
    expect(hubAddress('org/name', { revision: 'v1', subfolder: 'a/' })).toEqual({ name: 'org/name', revision: 'v1', subfolder: 'a' })
    expect(hubAddress('hf://org/name@v1/a', { revision: 'v1', subfolder: 'a' }).subfolder).toBe('a')
  })

  it.each([
    ['https://example.com/org/name', {}, 'leads elsewhere'],
    [`${hub}/datasets/org/name`, {}, 'something else than a model'],
    [hub, {}, 'an id consists of'],
    ['hf://org/name@v1', { revision: 'v2' }, 'another revision than the option, "v2"'],
    ['hf://org/name/a', { subfolder: 'b' }, 'another subfolder than the option, "b"'],
    ['hf://org/name/../../x', {}, 'cannot be a folder of it'],
    [`${hub}/org/name/tree/main/a%2F..%2Fx`, {}, 'cannot be a folder of it'],
    ['org/name', { subfolder: '/etc' }, 'cannot be a folder of it'],
    ['org/name@../x', {}, 'cannot be a revision'],
  ])('%s %j is refused', async (model, given, problem) => {
    const message = await failure(() => hubAddress(model, given))
    expect(message).toMatch(/^E_MODEL_NAME/)
    expect(message).toContain(problem)
  })
})

const config = JSON.stringify({ model_type: 'bert' })

describe('a folder of a repository', () => {
  const files = {
    'model_index.json': '{}',
    'unet/model.safetensors': scalars({ no: 1 }),
    'text_encoder/config.json': config,
    'text_encoder/model.safetensors': scalars({ a: 3 }),
    'text_encoder/tokenizer/vocab.txt': 'a\n',
  }

  it('is a checkpoint, of which nothing else is downloaded, with and without a network', async () => {
    const cache = temporary()
    const server = await fakeHub('org/name', { main: files }, cache)
    for (const [model, options] of [
      ['org/name', { subfolder: 'text_encoder' }],
      ['hf://org/name/text_encoder', { offline: true }],
      [`${server.endpoint}/org/name/tree/main/text_encoder`, { offline: true }],
    ] as const) {
      const checkpoint = await openCheckpoint(model, options)
      expect(checkpoint).toMatchObject({
        id: 'org/name',
        revision: commits.main,
        location: 'org/name@main/text_encoder',
        subfolder: 'text_encoder',
        config: { model_type: 'bert' },
        files: ['config.json', 'model.safetensors', 'tokenizer/vocab.txt'],
      })
      expect(readAll(checkpoint.tensor('a')!)).toEqual(new Float32Array([3]))
      checkpoint.close()
    }
    expect(server.requests.filter(line => line.includes('/resolve/')).every(line => line.includes('/text_encoder/'))).toBe(true)
  })

  it('gives its headers alone', async () => {
    await fakeHub('org/name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('org/name', { subfolder: 'text_encoder', headers: true })
    expect(checkpoint.tensorNames).toEqual(['a'])
    checkpoint.close()
  })

  it('that is not there', async () => {
    const server = await fakeHub('org/name', { main: files }, temporary())
    expect(await failure(() => openCheckpoint('org/name', { subfolder: 'vae' }), server.endpoint)).toMatchInlineSnapshot(`
      "E_HUB_SUBFOLDER: "org/name" has no folder "vae" at "main".
      Looked in: <place>
      Look at its files on the hub, and give a folder that holds config.json and the weights."
    `)
    const folder = temporary({ 'a/config.json': config, 'a/model.safetensors': scalars({ a: 1 }) })
    ;(await openCheckpoint(folder, { subfolder: 'a' })).close()
    expect(await failure(() => openCheckpoint(folder, { subfolder: 'b' }), folder)).toContain('E_MODEL_FOLDER: No folder "<place>/b".')
    expect(await failure(() => openCheckpoint(folder, { subfolder: '../b' }), folder)).toContain('E_MODEL_NAME')
  })

  it('leads to nothing outside of the cache', async () => {
    const { symlinkSync } = await import('node:fs')
    const cache = temporary()
    await fakeHub('org/name', { main: files }, cache)
    ;(await openCheckpoint('org/name', { subfolder: 'text_encoder' })).close()
    writeFileSync(join(cache, 'secret.json'), '{}')
    const folder = join(cache, 'models--org--name/snapshots', commits.main, 'text_encoder')
    symlinkSync(join(cache, 'secret.json'), join(folder, 'generation_config.json'))
    const checkpoint = await openCheckpoint('org/name', { subfolder: 'text_encoder', offline: true })
    expect(await failure(() => checkpoint.json('generation_config.json'), cache)).toContain('E_FILE_LINK')
    checkpoint.close()
  })
})

describe('several at a time', () => {
  const pause = () => new Promise(resolve => setImmediate(resolve))

  it('no more than are allowed, and what follows in order', async () => {
    let [running, most] = [0, 0]
    const followed: number[] = []
    const items = Array.from({ length: 20 }, (_, i) => i)
    await inOrder(items, {
      atOnce: 4,
      work: async item => {
        most = Math.max(most, ++running)
        for (let i = 0; i < (item * 7) % 5; i++) await pause()
        running--
      },
      follow: async item => {
        await pause()
        followed.push(item)
      },
    })
    expect(most).toBe(4)
    expect(followed).toEqual(items)
  })

  it.each([0, 1, 2, 3, 4])('the first that fails is told, however fast the others are (%i)', async slow => {
    const followed: number[] = []
    const stopped: number[] = []
    const run = inOrder([0, 1, 2, 3, 4, 5, 6, 7], {
      atOnce: 4,
      work: async (item, signal) => {
        signal.addEventListener('abort', () => stopped.push(item))
        for (let i = 0; i < (item === 2 ? slow * 3 : item); i++) await pause()
        if (item === 2 || item === 3) throw new Error(`number ${item}`)
      },
      follow: async item => void followed.push(item),
    })
    await expect(run).rejects.toThrow('number 2')
    expect(followed).toEqual([0, 1])
    expect(stopped.filter(item => item <= 2)).toEqual([])
  })

  it('downloads, with one request for what two files share; a file that fails leaves those before it', async () => {
    const cache = temporary()
    const shards = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [`model-0000${i + 1}-of-00006.safetensors`, scalars({ [`t${i}`]: i })]),
    )
    const files = { 'config.json': config, 'a.json': '{"x":1}', 'b.json': '{"x":1}', ...shards }
    const server = await fakeHub('org/name', { main: files }, cache)
    // The first that asks for weights gets nothing, and so do all its attempts.
    server.cuts.push(...Array.from({ length: 40 }, () => 0))
    expect(await failure(() => openCheckpoint('org/name'))).toContain('E_HUB_DOWNLOAD: The download of model-00001-of-00006.safetensors')
    const snapshot = join(cache, 'models--org--name/snapshots', commits.main)
    expect(readdirSync(snapshot).sort()).toEqual(['a.json', 'b.json', 'config.json'])
    expect(server.requests.filter(line => /\/[ab]\.json/.test(line))).toHaveLength(1)
    server.cuts.length = 0
    const checkpoint = await openCheckpoint('org/name')
    expect(checkpoint.tensorNames).toHaveLength(6)
    checkpoint.close()
  })
})
