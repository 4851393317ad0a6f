import { Worker } from 'node:worker_threads'
import { errors } from '../errors.ts'
import type { FoundPlugin } from './discover-plugins.ts'
import { patience, runningPlugin } from './run-plugin.ts'

/** What is said of an error: the fields of one, as they pass from thread to thread. */
export interface Told {
  readonly code: string
  readonly what: string
  readonly where?: string | undefined
  readonly next?: string | undefined
}

/** What the thread is given. */
export interface LoadRequest {
  readonly plugins: readonly FoundPlugin[]
}

/** What it answers with: that the next plugin begins, what came of it, that something ended it, or what was thrown beside it. */
export type LoadAnswer = { readonly begins: true } | { readonly loaded: Told | null } | { readonly ended: true } | { readonly stray: Told }

/** Milliseconds in which the thread, which has a clock of its own, would have said that something takes too long. */
const GRACE = 1000

/**
 * What is wrong with the code of each plugin; undefined where it can be loaded. It runs in a thread, so that one that hangs or ends the
 * process is told like any other, and those after it are looked at all the same.
 */
export async function loadApart(plugins: readonly FoundPlugin[]): Promise<readonly (Told | undefined)[]> {
  const results: (Told | undefined)[] = []
  const strays = new Map<string, Told>()
  while (results.length < plugins.length) {
    const { answers, problem } = await loadSome(plugins.slice(results.length), stray => strays.set(stray.where ?? '', stray))
    results.push(...answers)
    const stuck = plugins[results.length]
    if (stuck) results.push(failed(stuck, problem))
  }
  return results.map((result, i) => result ?? strays.get(plugins[i]?.root ?? ''))
}

const failed = (found: FoundPlugin, problem: string): Told => {
  const { code, what, where, next } = errors.E_PLUGIN_FAILED({
    plugin: runningPlugin(found).name,
    doing: 'its import',
    problem,
    where: found.root,
  })
  return { code, what, where, next }
}

/** Loads one after the other until all are loaded or the thread is at its end, and says why it was. */
function loadSome(
  plugins: readonly FoundPlugin[],
  stray: (told: Told) => void,
): Promise<{ readonly answers: readonly (Told | undefined)[]; readonly problem: string }> {
  const script = import.meta.url.endsWith('.ts') ? './load-thread.ts' : './load-thread.js'
  const worker = new Worker(new URL(script, import.meta.url), { workerData: { plugins } satisfies LoadRequest, stdout: true, execArgv: [] })
  // stdout holds the result of the command.
  worker.stdout.pipe(process.stderr, { end: false })
  const answers: (Told | undefined)[] = []
  const time = patience()
  return new Promise(resolve => {
    let problem = 'its promise is never kept, and nothing is left to wait for'
    const end = () => {
      clearTimeout(timer)
      worker.off('message', take)
      resolve({ answers, problem })
      void worker.terminate()
    }
    const late = () => {
      problem = `it has not returned after ${time / 1000} s`
      end()
    }
    let timer: NodeJS.Timeout | undefined
    const take = (answer: LoadAnswer) => {
      if ('stray' in answer) stray(answer.stray)
      if ('ended' in answer) problem = 'it ended the process'
      // The start of the thread is not the plugin's time.
      if ('begins' in answer) timer = setTimeout(late, time + GRACE)
      if (!('loaded' in answer)) return
      clearTimeout(timer)
      answers.push(answer.loaded ?? undefined)
      if (answers.length === plugins.length) end()
    }
    worker.on('message', take)
    worker.on('error', error => {
      problem = error instanceof Error ? error.message : String(error)
    })
    worker.on('exit', end)
  })
}
