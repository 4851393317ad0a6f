import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { RemoteFile } from '../src/hub/remote-file.ts'
import { bringHeaders } from '../src/hub/remote-header.ts'
import { openCheckpoint } from '../src/index.ts'
import { hub, info, json } from './hostile-hub.ts'
import { failure } from './temporary.ts'
import { scalars } from './write-safetensors.ts'

const entry = (path: string, size = 2) => ({ type: 'file', path, size, oid: 'a'.repeat(40) })
const folder = (path: string) => ({ type: 'directory', path, size: 0, oid: 'a'.repeat(40) })

describe('the headers of all files together have a bound', () => {
  /** A file whose header has so many bytes, and how much of it was fetched. */
  const shard = (index: number, header: number) => {
    const bytes = new Uint8Array(header + 8)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header), true)
    const fetched = { bytes: 0 }
    const fetch = async (start: number, end: number) => {
      fetched.bytes += end - start
      return bytes.slice(start, end)
    }
    return { file: new RemoteFile({ name: `model-${index}.safetensors`, where: 'org/m@main', size: bytes.length, fetch }), fetched }
  }

  it.each([
    ['long ones', 100_000],
    ['many', 20_000],
  ])('%s', async (_, header) => {
    const shards = Array.from({ length: 50 }, (_, i) => shard(i, header))
    const files = shards.map(({ file }) => file)
    const fetched = () => shards.reduce((sum, each) => sum + each.fetched.bytes, 0)
    expect(await failure(() => bringHeaders(files, 400_000))).toMatch(
      /^E_SAFETENSORS_LIMIT: model-\d+\.safetensors: the length of its header and of those before it is \d+; the limit is 400000\./,
    )
    await new Promise(resolve => setTimeout(resolve, 10))
    expect(fetched()).toBeLessThanOrEqual(400_000)
    await bringHeaders(files, 50 * (header + 40_000))
    for (const file of files) expect(file.read(0, header + 8).byteLength).toBe(header + 8)
  })
})

it.each(['gzip', 'br', 'deflate'])('a file that comes compressed (%s) is refused before it is unpacked', async encoding => {
  for (const headers of [false, true]) {
    const weights = scalars({ a: 1 })
    const lfs = { oid: 'b'.repeat(64), size: weights.length, pointerSize: 130 }
    await hub((_, response, kind) => {
      if (kind === 'info') return json(response, info)
      if (kind === 'tree') return json(response, [{ ...entry('model.safetensors', weights.length), lfs }])
      response.writeHead(200, { 'Content-Encoding': encoding })
      return response.end(gzipSync(weights))
    })
    expect(await failure(() => openCheckpoint('org/m', { headers }))).toMatch(
      new RegExp(`^E_HUB_RESPONSE: .* sends model\\.safetensors compressed \\(${encoding}\\), which it was asked not to`),
    )
  }
})

describe('folders of modules', () => {
  const listing = (folders: number, files: number) => {
    const counts = { now: 0, most: 0, asked: 0 }
    return {
      counts,
      opened: async () => {
        await hub(async (request, response, kind) => {
          if (kind === 'info') return json(response, info)
          if (kind === 'file') return response.writeHead(404).end()
          const path = decodeURIComponent(request.url ?? '').match(/\/tree\/[^/]+\/([^?]+)/)?.[1]
          if (path === undefined)
            return json(response, [entry('modules.json'), ...Array.from({ length: folders }, (_, i) => folder(`${i}_M`))])
          counts.asked++
          counts.most = Math.max(counts.most, ++counts.now)
          await new Promise(resolve => setTimeout(resolve, 5))
          counts.now--
          return json(
            response,
            Array.from({ length: files }, (_, i) => entry(`${path}/${i}.bin`)),
          )
        }, '10')
        return await failure(() => openCheckpoint('org/m'))
      },
    }
  }

  it('are listed four at a time', async () => {
    const { counts, opened } = listing(20, 1)
    expect(await opened()).toMatch(/^E_HUB_NOT_FOUND/)
    expect(counts).toMatchObject({ asked: 20, most: 4 })
  })

  it('are not without a bound, nor are their files', async () => {
    const many = listing(101, 1)
    expect(await many.opened()).toMatch(/^E_HUB_RESPONSE: .*org\/m@main has 101 folders of modules and tokenizers/)
    expect(many.counts.asked).toBe(0)
    const full = listing(50, 1000)
    expect(await full.opened()).toMatch(/^E_HUB_RESPONSE: .*org\/m has more than 20000 files in the folders that are looked at/)
    expect(full.counts.asked).toBeLessThan(30)
  })
})
