import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished, vi } from 'vitest'
import { commits } from './fake-hub.ts'
import { temporary } from './temporary.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse, kind: 'info' | 'tree' | 'file') => unknown

export const json = (response: ServerResponse, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

export const info = { _id: '1', id: 'org/m', sha: commits.main, lastModified: '2024-01-01' }
/** A server that answers in its own way, and counts. The environment leads to it; its patience is a fifth of a second. */
export async function hub(answer: Answer, patience = '0.2'): Promise<{ asked: number }> {
  const counts = { asked: 0 }
  const server = createServer((request, response) => {
    counts.asked++
    const kind = request.url?.includes('/tree/') ? 'tree' : request.url?.includes('/resolve/') ? 'file' : 'info'
    answer(request, response, kind)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => server.closeAllConnections())
  onTestFinished(() => void server.close())
  onTestFinished(() => void vi.unstubAllEnvs())
  const cache = temporary()
  for (const [name, value] of Object.entries({
    HF_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    HF_HOME: cache,
    HF_HUB_CACHE: cache,
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
    TRANSFORMERS_OFFLINE: '',
    HF_HUB_ETAG_TIMEOUT: patience,
    HF_HUB_DOWNLOAD_TIMEOUT: patience,
  }))
    vi.stubEnv(name, value)
  return counts
}
