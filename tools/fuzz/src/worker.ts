import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FaultKind } from './judge.ts'
import type { Done, FromChild, Made, Order } from './protocol.ts'
import { whereabouts } from './whereabouts.ts'

export interface Limits {
  /** Seconds of processor time that a case may take; six times as long where it only waits. */
  readonly seconds: number
  /** Bytes in memory. */
  readonly bytes: number
}

export const LIMITS: Limits = { seconds: 10, bytes: 1e9 }

/** How a case ended that did not come back. */
export interface Lost {
  readonly lost: number
  readonly fault: FaultKind
  readonly what: string
  /** Where it was, as far as the process could still say. */
  readonly stack: string | undefined
  /** What it was to do. */
  readonly made: Made | undefined
}

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))

/** How often a child is looked at. */
const WATCH_MS = 50

/** Ticks of a processor's clock in a second, as /proc counts them. */
const TICKS = 100

/** Processor time and memory of a process, where the system says; elsewhere the clock and what the child says of itself have to do. */
function usage(pid: number): { readonly seconds: number; readonly bytes: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    // After the name: field 14 and 15 of proc(5) are times, 24 is the number of resident pages.
    return { seconds: (Number(fields[11]) + Number(fields[12])) / TICKS, bytes: Number(fields[21]) * 4096 }
  } catch {
    return undefined
  }
}

export interface Worker {
  /** Runs an order; ends early, and with it the process, where a case is lost. */
  run(order: Order, onDone: (done: Done) => void): Promise<Lost | undefined>
  /** What the process has in memory. */
  readonly resident: number
  /** Cases so far. */
  readonly cases: number
  readonly alive: boolean
  end(): Promise<void>
}

export interface WorkerOptions {
  readonly bench: string
  readonly folder: string
  readonly limits: Limits
  /** A module with more targets. */
  readonly extra?: string | undefined
}

/** A process that runs cases, watched from here. */
export async function startWorker({ bench, folder, limits, extra = '' }: WorkerOptions): Promise<Worker> {
  mkdirSync(folder, { recursive: true })
  // The inspector can stop a process that is busy and say where it is.
  const flags = ['--inspect=127.0.0.1:0', '--max-old-space-size=3000']
  const child: ChildProcess = spawn(process.execPath, [...flags, CHILD, bench, folder, extra], {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    // Nothing of the person who runs this is read or written: no home, no token, no hub.
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      HF_ENDPOINT: 'http://127.0.0.1:1',
      HF_HOME: join(folder, 'hub'),
      NODE_NO_WARNINGS: '1',
      NODE_COMPILE_CACHE: join(folder, '..', 'compile-cache'),
    },
  })
  let stderr = ''
  let inspector: string | undefined
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-4000)
    inspector ??= /ws:\S+/.exec(stderr)?.[0]
  })
  let ended = false
  const exit = new Promise<void>(resolve => {
    child.on('exit', () => {
      ended = true
      resolve()
    })
  })
  const inbox: FromChild[] = []
  let wake = (): void => {}
  const lines = createInterface({ input: child.stdio[3] as Readable })
  lines.on('line', line => {
    inbox.push(JSON.parse(line) as FromChild)
    wake()
  })
  const closed = new Promise<void>(resolve => lines.on('close', resolve))
  void exit.then(() => wake())

  /** The next message, or nothing after `WATCH_MS`. */
  const next = async (): Promise<FromChild | undefined> => {
    if (inbox.length === 0) {
      const stop = new AbortController()
      await Promise.race([
        new Promise<void>(resolve => {
          wake = resolve
        }),
        pause(WATCH_MS, undefined, { signal: stop.signal }).catch(() => {}),
      ])
      stop.abort()
    }
    return inbox.shift()
  }

  let [resident, cases] = [0, 0]
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exit
  }

  for (;;) {
    const message = await next()
    if (message && 'ready' in message) break
    if (ended) throw new Error(`a child did not start: ${stderr}`)
  }
  const stdin = child.stdin as Writable
  stdin.on('error', () => {})

  return {
    get resident() {
      return resident
    },
    get cases() {
      return cases
    },
    get alive() {
      return !ended
    },
    end: async () => {
      stdin.end()
      await Promise.race([exit, pause(2000).then(kill)])
      rmSync(folder, { recursive: true, force: true })
    },
    run: async (order, onDone) => {
      stdin.write(`${JSON.stringify(order)}\n`)
      let [current, begun, cpu, peak] = [order.indexes[0] ?? 0, performance.now(), usage(child.pid ?? 0)?.seconds ?? 0, 0]
      let made: Made | undefined
      const lost = (fault: FaultKind, what: string, stack?: string): Lost => ({
        lost: current,
        fault,
        what,
        stack,
        made,
      })
      for (;;) {
        const message = await next()
        if (message && 'made' in message) made = message
        else if (message && 'begun' in message) {
          made = undefined
          current = message.begun
          begun = performance.now()
          cpu = usage(child.pid ?? 0)?.seconds ?? 0
        } else if (message && 'done' in message) {
          cases++
          resident = message.resident
          // The highest mark of the process: it rose in this case where it was lower after the one before.
          if (message.peak > limits.bytes && peak < limits.bytes) {
            await kill()
            return lost('memory', `${Math.round(message.peak / 1e6)} MB: ${message.what}`)
          }
          peak = message.peak
          onDone(message)
        } else if (message && 'idle' in message) return undefined
        else if (message && 'broken' in message)
          throw new Error(`the harness failed at ${order.format}:${order.seed}.${current}: ${message.broken}`)
        else if (ended) {
          await closed
          if (inbox.length > 0) continue
          const heap = /heap out of memory|Allocation failed/.test(stderr)
          const problem = child.signalCode ?? `exit code ${child.exitCode}`
          return lost(
            heap ? 'memory' : 'died',
            `the process ended: ${problem}; ${stderr.split('\n').filter(line => /FATAL|rror/.test(line))[0] ?? ''}`,
          )
        } else {
          const now = usage(child.pid ?? 0)
          const waited = (performance.now() - begun) / 1000
          const busy = now === undefined ? waited : now.seconds - cpu
          // Somewhat above the limit: whether a short rise counts is told by the mark of the process itself.
          if (now && now.bytes > limits.bytes * 1.3) {
            const stack = await whereabouts(inspector)
            await kill()
            return lost('memory', `more than ${Math.round((limits.bytes * 1.3) / 1e6)} MB after ${waited.toFixed(1)} s`, stack)
          }
          if (busy > limits.seconds || waited > 6 * limits.seconds) {
            const stack = await whereabouts(inspector)
            await kill()
            return lost('hang', `${busy > limits.seconds ? 'busy' : 'waiting'} for ${waited.toFixed(0)} s`, stack)
          }
        }
      }
    },
  }
}
