import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { HashedFile, HashRequest } from './hash-files.ts'

const CHUNK = 1 << 20

const { files } = workerData as HashRequest
const buffer = new Uint8Array(CHUNK)

parentPort?.postMessage(
  files.map(({ path, name }): HashedFile => {
    const hash = createHash('sha256')
    const descriptor = openSync(path, 'r')
    let bytes = 0
    try {
      for (let got = readSync(descriptor, buffer); got > 0; got = readSync(descriptor, buffer)) {
        hash.update(got === CHUNK ? buffer : buffer.subarray(0, got))
        bytes += got
      }
    } finally {
      closeSync(descriptor)
    }
    return { path: name, bytes, sha256: hash.digest('hex') }
  }),
)
