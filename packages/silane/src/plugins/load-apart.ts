import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { errors } from '../errors.ts'
import type { FoundPlugin } from './discover-plugins.ts'
import { patience, runningPlugin } from './run-plugin.ts'

const told = z.object({ code: z.string(), what: z.string(), where: z.string().optional(), next: z.string().optional() }).readonly()

/** What is said of an error: the fields of one, as they pass from process to process. */
export interface Told {
  readonly code: string
  readonly what: string
  readonly where?: string | undefined
  readonly next?: string | undefined
}

/** What the process is given. */
export interface LoadRequest {
  readonly plugins: readonly FoundPlugin[]
}

/** What it answers with: that the next plugin begins, what came of it, that something ended it, or what was thrown beside it. */
export type LoadAnswer = { readonly begins: true } | { readonly loaded: Told | null } | { readonly ended: true } | { readonly stray: Told }

/** Plugins can send messages too. What is none of these is one of theirs. */
const loadAnswer: z.ZodType<LoadAnswer> = z.union([
  z.strictObject({ begins: z.literal(true) }),
  z.strictObject({ loaded: told.nullable() }),
  z.strictObject({ ended: z.literal(true) }),
  z.strictObject({ stray: told }),
])

/** Milliseconds in which the process, which has a clock of its own, would have said that something takes too long. */
const GRACE = 1000

/**
 * What is wrong with the code of each plugin; undefined where it can be loaded. It runs in a process of its own, so that one that hangs,
 * in a call of the system too, or ends the process is told like any other, and those after it are looked at all the same.
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

/** Loads one after the other until all are loaded or the process is at its end, and says why it was. */
function loadSome(
  plugins: readonly FoundPlugin[],
  stray: (told: Told) => void,
): Promise<{ readonly answers: readonly (Told | undefined)[]; readonly problem: string }> {
  const script = import.meta.url.endsWith('.ts') ? './load-process.ts' : './load-process.js'
  // stdout holds the result of the command.
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Flags of the command that are meant for itself, such as --inspect, would be taken for this one's too.
    execArgv: [],
  })
  child.stdout?.pipe(process.stderr, { end: false })
  const answers: (Told | undefined)[] = []
  const time = patience()
  return new Promise((resolve, reject) => {
    let problem: string | undefined
    let timer: NodeJS.Timeout | undefined
    const end = () => {
      clearTimeout(timer)
      child.off('message', take)
      child.kill('SIGKILL')
      resolve({ answers, problem: problem ?? 'it ended the process' })
    }
    const late = () => {
      problem = `it has not returned after ${time / 1000} s`
      end()
    }
    const take = (message: unknown) => {
      const { data: answer } = loadAnswer.safeParse(message)
      if (answer === undefined) return
      if ('stray' in answer) stray(answer.stray)
      if ('ended' in answer) problem = 'it ended the process'
      // The start of the process is not the plugin's time.
      if ('begins' in answer) timer = setTimeout(late, time + GRACE)
      if (!('loaded' in answer)) return
      clearTimeout(timer)
      answers.push(answer.loaded ?? undefined)
      if (answers.length === plugins.length) end()
    }
    child.on('message', take)
    // No process at all is no fault of a plugin.
    child.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('exit', (_, signal) => {
      if (signal !== null) problem ??= `its process was ended by ${signal}`
      end()
    })
    // Where it has not started there is no `send` either.
    if (child.connected)
      child.send({ plugins } satisfies LoadRequest, error => {
        if (error) problem ??= error.message
      })
  })
}
