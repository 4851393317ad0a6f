import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

export interface Measured {
  readonly seconds: number
  /** Peak resident memory in bytes; undefined where no `time` command tells it. */
  readonly peakBytes: number | undefined
}

const TIME = '/usr/bin/time'

/** Runs a command to its end and measures the whole process. Throws with its output when it fails. */
export function measure(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Measured {
  const timed = existsSync(TIME)
  const started = performance.now()
  const done = spawnSync(timed ? TIME : command, timed ? ['-v', command, ...args] : args, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    maxBuffer: 1 << 28,
  })
  const seconds = (performance.now() - started) / 1000
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}\n${done.stderr.slice(-2000)}`)
  const peak = /Maximum resident set size \(kbytes\): (\d+)/.exec(done.stderr)?.[1]
  return { seconds, peakBytes: peak === undefined ? undefined : Number(peak) * 1024 }
}
