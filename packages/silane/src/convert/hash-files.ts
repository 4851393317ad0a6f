import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface HashedFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** What the worker is given and answers with. */
export interface HashRequest {
  readonly files: readonly { readonly path: string; readonly name: string }[]
}

/**
 * The sha256 of files, in a thread of its own: hashing a checkpoint takes as long as casting it, and the main thread is busy with
 * that. The bytes come out of the page cache that the conversion fills, or fills for it.
 */
export function hashFiles(
  names: readonly string[],
  pathOf: (name: string) => string,
  signal?: AbortSignal,
): Promise<readonly HashedFile[]> {
  const files = [...new Set(names)].sort().map(name => ({ name, path: pathOf(name) }))
  const hashing = run(files, signal)
  // Whoever awaits it is told; until then a failure must not count as unhandled.
  hashing.catch(() => {})
  return hashing
}

async function run(files: HashRequest['files'], signal: AbortSignal | undefined): Promise<readonly HashedFile[]> {
  if (files.length === 0) return []
  // The worker is TypeScript here and JavaScript in the published package; the compiler does not rewrite a URL.
  const script = import.meta.url.endsWith('.ts') ? './hash-worker.ts' : './hash-worker.js'
  const worker = new Worker(new URL(script, import.meta.url), {
    workerData: { files } satisfies HashRequest,
    // 64 MB are plenty for a loop over one buffer; without a bound V8 reserves for a whole program.
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
  })
  try {
    const [hashed] = (await once(worker, 'message', signal ? { signal } : {})) as [readonly HashedFile[]]
    return hashed
  } finally {
    await worker.terminate()
  }
}
