import { spawnSync } from 'node:child_process'
import { linkSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
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
