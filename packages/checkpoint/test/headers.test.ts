import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readAll } from '@silane/core'
import { describe, expect, it, vi } from 'vitest'
import { openCheckpoint } from '../src/index.ts'
import { commits, type FakeHub, fakeHub } from './fake-hub.ts'
import { failure, temporary } from './temporary.ts'
import { safetensors, scalars } from './write-safetensors.ts'

// The pauses between attempts are for servers, not for tests.
vi.mock('node:timers/promises', () => ({ setTimeout: async () => undefined }))

const config = JSON.stringify({ model_type: 'bert' })
const count = 500_000
const large = safetensors({
  small: { dtype: 'fp32', shape: [4], data: new Float32Array([1, 2, 3, 4]) },
  w: { dtype: 'fp32', shape: [count], data: Float32Array.from({ length: count }, (_, i) => i) },
})
/** A header of 100 kB. */
const wide = scalars(Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`encoder.layer.${i}.attention.weight`, i])))

const headers = { headers: true }
const ranges = ({ requests }: FakeHub) =>
  requests.filter(line => line.includes('/resolve/')).map(line => line.replace(/.*\/resolve\/[^/]+\//, ''))

const ofWeights = (hub: FakeHub): string[] => ranges(hub).filter(line => line.includes('safetensors'))

/** What a checkpoint says of itself and of its tensors. */
async function facts(options: { headers?: boolean; offline?: boolean }) {
  const {
    location,
    id,
    revision,
    files,
    tensorNames,
    stored,
    config: settings,
    notes,
    refusal,
    close,
  } = await openCheckpoint('org/name', options)
  close()
  return { location, id, revision, files, tensorNames, stored, settings, notes, refusal }
}

describe('the headers of weights on the hub', () => {
  it('tell the same as the whole files, in some kilobytes', async () => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'vocab.txt': 'a\n', 'model.safetensors': large } }, temporary())
    const told = await facts(headers)
    // Several at a time, in any order.
    expect(ranges(hub).toSorted()).toEqual(['config.json', 'model.safetensors bytes=0-32767', 'vocab.txt'])
    expect(hub.sent.get('model.safetensors')).toBeLessThan(34_000)
    expect(large.length).toBeGreaterThan(2_000_000)
    expect(await facts({})).toEqual(told)
    expect(told.tensorNames).toEqual(['small', 'w'])
  })

  it('longer than what is asked for first', async () => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': wide } }, temporary())
    const told = await facts(headers)
    const end = Number(new DataView(wide.buffer).getBigUint64(0, true)) + 7
    expect(ofWeights(hub)).toEqual(['model.safetensors bytes=0-32767', `model.safetensors bytes=32768-${end}`])
    expect(await facts({})).toEqual(told)
  })

  it('of shards, with an index and without', async () => {
    const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
    const shards = { 'config.json': config, [first]: large, [second]: scalars({ b: 2 }) }
    const index = JSON.stringify({ weight_map: { small: first, w: first, b: second } })
    for (const files of [shards, { ...shards, 'model.safetensors.index.json': index }]) {
      const hub = await fakeHub('org/name', { main: files }, temporary())
      const told = await facts(headers)
      expect([...told.tensorNames].sort()).toEqual(['b', 'small', 'w'])
      expect((hub.sent.get(first) ?? 0) + (hub.sent.get(second) ?? 0)).toBeLessThan(35_000)
      expect(await facts({})).toEqual(told)
    }
  })

  it('of a server that knows no ranges: its answer is left', async () => {
    const huge = safetensors({ w: { dtype: 'int8', shape: [60_000_000], data: new Int8Array(60_000_000) } })
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': huge } }, temporary())
    hub.ignoreRanges = true
    expect((await facts(headers)).tensorNames).toEqual(['w'])
    await vi.waitFor(() => expect(hub.sent.has('model.safetensors')).toBe(true))
    // What lies in the buffers of two sockets cannot be called back.
    expect(hub.sent.get('model.safetensors')).toBeLessThan(20_000_000)
  })

  it('over a connection that breaks off', async () => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': wide } }, temporary())
    hub.cuts.push(10_000, 20_000)
    expect((await facts(headers)).tensorNames).toHaveLength(1500)
    expect(ofWeights(hub).slice(0, 3)).toEqual([
      'model.safetensors bytes=0-32767',
      'model.safetensors bytes=10000-32767',
      'model.safetensors bytes=30000-32767',
    ])
    const dead = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': wide } }, temporary())
    dead.cuts.push(...Array.from({ length: 10 }, () => 0))
    expect(await failure(() => openCheckpoint('org/name', headers))).toMatch(/^E_HUB_DOWNLOAD: The download of model\.safetensors failed/)
    expect(ranges(dead)).toHaveLength(6)
  })

  it.each([
    ['a length beyond the file', 8_000_000_000n, /^E_SAFETENSORS_LIMIT|^E_SAFETENSORS_TRUNCATED/],
    ['a length beyond any', 1n << 60n, /^E_SAFETENSORS_LIMIT/],
    ['no JSON', 100n, /^E_SAFETENSORS_HEADER/],
  ])('that are broken, by the rules for files: %s', async (_, length, code) => {
    const broken = new Uint8Array(100_000)
    new DataView(broken.buffer).setBigUint64(0, length, true)
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': broken } }, temporary())
    const message = await failure(() => openCheckpoint('org/name', headers), hub.endpoint)
    expect(message).toMatch(code)
    expect(await failure(() => openCheckpoint('org/name'), hub.endpoint)).toBe(message)
  })
})

describe('elements of weights that are on the hub', () => {
  const files = { 'config.json': config, 'model.safetensors': large }

  it('are fetched after they were asked for, and nothing else', async () => {
    const hub = await fakeHub('org/name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('org/name', headers)
    expect(await checkpoint.bringMissing()).toBe(false)
    const small = checkpoint.tensor('small')!
    expect(await failure(() => readAll(checkpoint.tensor('w')!))).toMatch(/^E_WEIGHTS_REMOTE: 2000000 bytes of model\.safetensors/)
    // The small one came with the header.
    expect(readAll(small)).toEqual(new Float32Array([1, 2, 3, 4]))
    const w = checkpoint.tensor('w')!
    expect(await failure(() => w.read(400_000, 10))).toContain('E_WEIGHTS_REMOTE')
    hub.requests.length = 0
    expect(await checkpoint.bringMissing()).toBe(true)
    expect(w.read(400_000, 10)).toEqual(Float32Array.from({ length: 10 }, (_, i) => 400_000 + i))
    expect(ranges(hub)).toHaveLength(1)
    expect(await checkpoint.bringMissing()).toBe(false)
    // Nor has it a path on disk.
    expect(w.at).toBeUndefined()
    expect(await failure(() => checkpoint.path('model.safetensors'))).toContain('E_WEIGHTS_REMOTE')
    checkpoint.close()
  })

  it('are refused where that would be a download, or the server gives no parts', async () => {
    await fakeHub('org/name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('org/name', headers)
    const w = checkpoint.tensor('w')!
    let brought = 0
    for (let i = 0; i < 1000; i++) {
      await failure(() => w.read(50_000 + i * 100, 100))
      if (!(await checkpoint.bringMissing())) break
      brought++
    }
    expect(brought).toBe(64)
    checkpoint.close()

    const other = safetensors({ w: { dtype: 'int8', shape: [40_000_000], data: new Int8Array(40_000_000) } })
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'model.safetensors': other } }, temporary())
    hub.ignoreRanges = true
    const whole = await openCheckpoint('org/name', headers)
    await failure(() => whole.tensor('w')!.read(30_000_000, 1))
    expect(await failure(() => whole.bringMissing(), new URL(hub.endpoint).host)).toMatchInlineSnapshot(`
      "E_HUB_RANGES: <place> gives no parts of files, and model.safetensors is too large to be passed over for one.
      Looked in: org/name@main
      Give --download, which brings the weights into the cache."
    `)
    whole.close()
  })
})

describe('the cache', () => {
  it('has no weights after it, and what it has of them is used', async () => {
    const cache = temporary()
    const files = { 'config.json': config, 'model.safetensors': large }
    const hub = await fakeHub('org/name', { main: files, v1: files }, cache)
    await facts(headers)
    const folder = join(cache, 'models--org--name')
    expect(readdirSync(join(folder, 'snapshots', commits.main))).toEqual(['config.json'])
    // A commit without weights must not take the place of one that has them.
    expect(existsSync(join(folder, 'refs/main'))).toBe(false)
    expect(await failure(() => openCheckpoint('org/name', { ...headers, offline: true }))).toContain('E_HUB_OFFLINE')
    await facts({})
    hub.requests.length = 0
    await facts({ ...headers, offline: true })
    expect(hub.requests).toEqual([])
    await facts(headers)
    expect(ranges(hub)).toEqual([])
    await hub.stop()
    expect((await facts(headers)).tensorNames).toEqual(['small', 'w'])
  })

  it('takes the adapter, whose elements are looked at, and modules', async () => {
    const files = {
      'config.json': config,
      'modules.json': '[]',
      'model.safetensors': large,
      '2_Dense/config.json': '{}',
      '2_Dense/model.safetensors': scalars({ 'linear.weight': 2 }),
    }
    const hub = await fakeHub('org/name', { main: files }, temporary())
    const checkpoint = await openCheckpoint('org/name', headers)
    expect(checkpoint.folder('2_Dense').tensorNames).toEqual(['linear.weight'])
    expect(ofWeights(hub)).toEqual([expect.stringMatching(/^2_Dense\/model\.safetensors bytes=0-\d+$/), 'model.safetensors bytes=0-32767'])
    checkpoint.close()
  })
})

describe('PyTorch files', () => {
  it('are refused with their size where they are large, before anything is downloaded', async () => {
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'pytorch_model.bin': new Uint8Array(65_000_000) } }, temporary())
    expect(await failure(() => openCheckpoint('org/name', headers), hub.endpoint)).toMatchInlineSnapshot(`
      "E_WEIGHTS_WHOLE: The weights are pytorch_model.bin, 65.0 MB: what a PyTorch file holds can be told only with all of it.
      Looked in: org/name@main
      Give --download, which brings it into the cache; a conversion needs it there anyway."
    `)
    expect(ranges(hub)).not.toContain('pytorch_model.bin')
  })

  it('are downloaded where they are small', async () => {
    const bytes = new Uint8Array(1000)
    const hub = await fakeHub('org/name', { main: { 'config.json': config, 'pytorch_model.bin': bytes } }, temporary())
    expect(await failure(() => openCheckpoint('org/name', headers), hub.endpoint)).toContain('E_TORCH_FORMAT')
    expect(ranges(hub)).toContain('pytorch_model.bin')
  })
})
