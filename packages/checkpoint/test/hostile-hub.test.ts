import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { openCheckpoint } from '../src/index.ts'
import { inside } from '../src/inside.ts'
import { type Answer, hub, info, json } from './hostile-hub.ts'
import { failure } from './temporary.ts'

const weights = {
  type: 'file',
  path: 'model.safetensors',
  size: 1e6,
  oid: 'a'.repeat(40),
  lfs: { oid: 'b'.repeat(64), size: 1e6, pointerSize: 130 },
}

/** Writes now and then until the other side goes. */
function drip(request: IncomingMessage, response: ServerResponse, text: string): void {
  const timer = setInterval(() => response.write(text), 20)
  request.on('close', () => clearInterval(timer))
  response.on('close', () => clearInterval(timer))
}

describe('a hub that answers badly keeps nobody', { timeout: 20_000 }, () => {
  it('that never answers', async () => {
    await hub(() => {})
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_OFFLINE: .*has not answered for 0\.2 s/s)
  })

  it('that answers a byte at a time', async () => {
    await hub((request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      drip(request, response, ' ')
    })
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_OFFLINE: .*takes longer than 0\.2 s to answer/s)
  })

  it('that answers without an end', async () => {
    await hub((_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      const chunk = 'x'.repeat(1 << 20)
      const go = () => {
        while (!response.destroyed) if (!response.write(chunk)) return response.once('drain', go)
        return undefined
      }
      response.write('{"x":"')
      go()
    })
    vi.stubEnv('HF_HUB_ETAG_TIMEOUT', '10')
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_OFFLINE: .*sends more than the 64000000 bytes/s)
  })

  it('that has ever another page', async () => {
    const counts = await hub((request, response, kind) => {
      if (kind === 'info') return json(response, info)
      return json(response, [], {
        Link: `<http://${request.headers.host}${request.url?.split('?')[0]}?cursor=${counts.asked}>; rel="next"`,
      })
    })
    // It answers at once, as far as the machine that runs this has time for it.
    vi.stubEnv('HF_HUB_ETAG_TIMEOUT', '10')
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_RESPONSE: .*more than 100 pages/s)
    expect(counts.asked).toBeLessThan(110)
  })

  it('that sends a file a byte at a time', async () => {
    await hub((request, response, kind) => {
      if (kind === 'info') return json(response, info)
      if (kind === 'tree') return json(response, [weights])
      response.writeHead(200, { 'Content-Length': 1e6 })
      return drip(request, response, 'x')
    })
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_DOWNLOAD: .*less than 4096 bytes came in 0\.2 s/s)
  })
})

describe('a hub that gives parts of a file badly keeps nobody', { timeout: 30_000 }, () => {
  const parts = (give: Answer) =>
    hub((request, response, kind) => {
      if (kind === 'info') return json(response, info)
      if (kind === 'tree') return json(response, [weights])
      return give(request, response, kind)
    })
  const opened = () => failure(() => openCheckpoint('org/m', { headers: true }))
  /** For servers that answer at once: how long that takes is the machine's. */
  const patient = () => ['HF_HUB_ETAG_TIMEOUT', 'HF_HUB_DOWNLOAD_TIMEOUT'].forEach(name => void vi.stubEnv(name, '10'))
  const partial = (response: ServerResponse, range: string) => response.writeHead(206, { 'Content-Range': `bytes ${range}` })

  it('that never sends it', async () => {
    const counts = await parts(() => {})
    expect(await opened()).toMatch(/^E_HUB_DOWNLOAD: .*has not answered for 0\.2 s/s)
    expect(counts.asked).toBe(7)
  })

  it('that sends it a byte at a time', async () => {
    await parts((request, response) => {
      partial(response, `${/\d+/.exec(request.headers.range ?? '')?.[0]}-32767/1000000`)
      drip(request, response, 'x')
    })
    expect(await opened()).toMatch(/^E_HUB_DOWNLOAD: .*less than 4096 bytes came in 0\.2 s/s)
  })

  it.each([
    ['another part', '5-32767/1000000', /^E_HUB_DOWNLOAD: .*another part than the one asked for/s],
    ['a part of nothing', 'x', /^E_HUB_DOWNLOAD: .*another part than the one asked for/s],
    ['a part of another file', '0-32767/999', /^E_HUB_FILE: .*it has 999 bytes instead of 1000000/s],
  ])('that sends %s', async (_, range, said) => {
    await parts((_, response) => partial(response, range).end('x'.repeat(32_768)))
    patient()
    expect(await opened()).toMatch(said)
  })

  it('that does not stop where it was asked to: the rest is left', async () => {
    let sent = 0
    let closed = false
    await parts((_, response) => {
      partial(response, '0-32767/1000000')
      response.on('close', () => {
        closed = true
      })
      const chunk = Buffer.alloc(1 << 16)
      const go = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
        if (!response.destroyed) response.once('drain', go)
      }
      go()
    })
    patient()
    // A header of length 0.
    expect(await opened()).toMatch(/^E_SAFETENSORS_HEADER/)
    await vi.waitFor(() => expect(closed).toBe(true))
    expect(sent).toBeLessThan(50_000_000)
  })

  it('that refuses it', async () => {
    await parts((_, response) => response.writeHead(403, { 'X-Error-Code': 'GatedRepo' }).end())
    patient()
    expect(await opened()).toMatch(/^E_HUB_ACCESS/)
  })

  it('and a user who stops is heard', async () => {
    await parts(() => {})
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 50)
    await expect(openCheckpoint('org/m', { headers: true, signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('a hub that is overloaded', () => {
  it('is asked again after the time that it says', async () => {
    const counts = await hub((_, response) => {
      if (counts.asked < 3) {
        response.writeHead(429, { 'Retry-After': '0' })
        response.end()
      } else json(response, { ...info, sha: 'no commit' })
    })
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_RESPONSE: .*is not a commit/s)
    expect(counts.asked).toBe(3)
  })

  it('not for ever, and not after an hour', async () => {
    const counts = await hub((_, response) => {
      response.writeHead(503, { 'Retry-After': counts.asked > 6 ? '3600' : '0' })
      response.end()
    })
    vi.stubEnv('HF_HUB_ETAG_TIMEOUT', '10')
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_OFFLINE: .*status 503/s)
    expect(counts.asked).toBe(6)
    expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_OFFLINE: .*status 503/s)
    expect(counts.asked).toBe(7)
  })
})

it('a token that would break a header is refused, and not repeated', async () => {
  await hub(() => {})
  vi.stubEnv('HF_TOKEN', 'hf_SECRET\nX-Evil: 1')
  const said = await failure(() => openCheckpoint('org/m'))
  expect(said).toMatch(/^E_HUB_TOKEN: /)
  expect(said).not.toContain('SECRET')
})

it('half a character is no part of a name', async () => {
  expect(inside('\ud83d\ude00.json')).toBe(true)
  expect(inside('\ud83d.json')).toBe(false)
  await hub((_, response, kind) => json(response, kind === 'info' ? info : [{ ...weights, path: '\ud800.json' }]))
  expect(await failure(() => openCheckpoint('org/m'))).toMatch(/^E_HUB_RESPONSE: .*a listing of org\/m has the entry .*ud800/)
})
