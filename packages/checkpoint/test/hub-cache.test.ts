import { spawnSync } from 'node:child_process'
import { linkSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { hubSettings } from '../src/hub/hub-settings.ts'
import { openCheckpoint } from '../src/index.ts'
import { commits, fakeHub } from './fake-hub.ts'
import { failure, temporary } from './temporary.ts'
import { scalars } from './write-safetensors.ts'

const files = { 'config.json': '{"model_type": "bert"}', 'model.safetensors': scalars({ a: 1 }) }

/** A cache that has the model, with what a test spoils in it, and a file of somebody's. */
async function filled() {
  const cache = temporary()
  const mine = join(temporary({ mine: 'precious' }), 'mine')
  const hub = await fakeHub('org/name', { main: files }, cache)
  ;(await openCheckpoint('org/name')).close()
  const model = join(cache, 'models--org--name')
  const snapshot = join(model, 'snapshots', commits.main)
  return { hub, mine, cache, model, snapshot, ref: join(model, 'refs/main') }
}

const opened = async (options = {}): Promise<unknown> => {
  const checkpoint = await openCheckpoint('org/name', options)
  checkpoint.close()
  return checkpoint.config
}

const pipe = (path: string) => expect(spawnSync('mkfifo', [path]).status).toBe(0)

describe('files outside of the cache stay as they are', () => {
  it.each([
    ['a link', symlinkSync],
    ['another name', linkSync],
  ])('where %s stands for a download that was broken off', async (_, put) => {
    const { snapshot, mine } = await filled()
    const config = join(snapshot, 'config.json')
    const blob = join(snapshot, readlinkSync(config))
    unlinkSync(blob)
    unlinkSync(config)
    put(mine, `${blob}.incomplete`)
    expect(await opened()).toEqual({ model_type: 'bert' })
    expect(readFileSync(mine, 'utf8')).toBe('precious')
    expect(lstatSync(blob).isFile()).toBe(true)
    expect(readFileSync(blob, 'utf8')).toBe(files['config.json'])
  })

  it('where a link stands for a revision', async () => {
    const { model, ref, mine } = await filled()
    unlinkSync(ref)
    symlinkSync(mine, ref)
    await opened()
    expect(readFileSync(mine, 'utf8')).toBe('precious')
    expect(lstatSync(ref).isFile()).toBe(true)
    expect(readFileSync(ref, 'utf8')).toBe(commits.main)
    expect(readdirSync(model).sort()).toEqual(['blobs', 'refs', 'snapshots'])
  })

  it('where a link stands for the folder of revisions', async () => {
    const { cache, model } = await filled()
    const other = temporary({ main: 'precious' })
    rmSync(join(model, 'refs'), { recursive: true })
    symlinkSync(other, join(model, 'refs'))
    expect(await failure(() => opened(), cache)).toMatch(/^E_HUB_CACHE: .*refs is a link out of it/)
    expect(readFileSync(join(other, 'main'), 'utf8')).toBe('precious')
  })
})

describe('what is no file is not waited for', () => {
  it.each([
    ['a pipe', pipe],
    ['a device', (path: string) => symlinkSync('/dev/zero', path)],
    ['a long file', (path: string) => writeFileSync(path, commits.main.repeat(200))],
  ])('%s for a revision', async (_, put) => {
    const { cache, ref } = await filled()
    unlinkSync(ref)
    put(ref)
    expect(await failure(() => opened({ offline: true }), cache)).toMatch(/^E_HUB_OFFLINE: .*Missing: all files/)
    await opened()
    expect(readFileSync(ref, 'utf8')).toBe(commits.main)
  })

  it.each([
    ['a pipe', pipe],
    ['a device', (path: string) => symlinkSync('/dev/zero', path)],
  ])('%s for the stored token', async (_, put) => {
    const { cache } = await filled()
    put(join(cache, 'token'))
    expect(await failure(() => opened(), cache)).toMatch(/^E_FILE_READ: The stored token cannot be read: it is no regular file/)
    vi.stubEnv('HF_TOKEN', 'hf_x')
    await opened()
  })
})

it('a link of a snapshot that leads nowhere is replaced', async () => {
  const { snapshot } = await filled()
  const config = join(snapshot, 'config.json')
  const right = readlinkSync(config)
  unlinkSync(config)
  symlinkSync('../../blobs/gone', config)
  expect(await opened()).toEqual({ model_type: 'bert' })
  expect(readlinkSync(config)).toBe(right)
})

describe('without a network', () => {
  it('a model whose config.json is gone is not complete', async () => {
    const { hub, cache, snapshot } = await filled()
    unlinkSync(join(snapshot, 'config.json'))
    await hub.stop()
    for (const options of [{}, { offline: true }])
      expect(await failure(() => opened(options), cache)).toMatch(/^E_HUB_OFFLINE: .*Missing: config\.json\./)
  })

  it.each([undefined, 'part'])('one that never had any is (folder %s)', async subfolder => {
    const cache = temporary()
    const path = subfolder === undefined ? '' : `${subfolder}/`
    const hub = await fakeHub('org/name', { main: { [`${path}model.safetensors`]: files['model.safetensors'] } }, cache)
    const place = { subfolder, revision: commits.main }
    expect(await opened(place)).toEqual({})
    hub.requests.length = 0
    expect(await opened(place)).toEqual({})
    expect(hub.requests).toEqual([])
    expect(await opened({ ...place, offline: true })).toEqual({})
  })
})

describe('a place that is empty is not given, and not the working directory', () => {
  const places = { HF_HOME: '', HF_HUB_CACHE: '', HUGGINGFACE_HUB_CACHE: '', XDG_CACHE_HOME: '' }

  it('for the cache', () => {
    const env = { ...places, HF_TOKEN: 'hf_x' }
    const own = join(homedir(), '.cache/huggingface/hub')
    expect(hubSettings({}, env).cacheDir).toBe(own)
    expect(hubSettings({ cacheDir: '' }, env).cacheDir).toBe(own)
    expect(hubSettings({ cacheDir: '' }, { ...env, HF_HOME: '/hf' }).cacheDir).toBe('/hf/hub')
    expect(hubSettings({}, { ...env, HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '~/x' }).cacheDir).toBe(
      join(homedir(), 'x'),
    )
    expect(hubSettings({}, { ...env, XDG_CACHE_HOME: '/xdg' }).cacheDir).toBe('/xdg/huggingface/hub')
  })

  it('for the home folder', () => {
    vi.stubEnv('HOME', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(isAbsolute(hubSettings({}, { ...places, HF_TOKEN: 'hf_x' }).cacheDir)).toBe(true)
    expect(isAbsolute(hubSettings({ cacheDir: '~/x' }, { ...places, HF_TOKEN: 'hf_x' }).cacheDir)).toBe(true)
  })
})
