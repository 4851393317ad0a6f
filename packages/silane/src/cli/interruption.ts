/** What asks a program to end: Ctrl-C, Ctrl-\, a closed terminal, and `kill`. By their numbers a shell tells how it ended: 128 + n. */
const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 }
const names = Object.keys(SIGNALS) as NodeJS.Signals[]

/** The exit code of a program that a signal stopped; undefined for another one. */
export function signalCode(signal: string): number | undefined {
  const [, number] = Object.entries(SIGNALS).find(([name]) => name === signal) ?? []
  return number === undefined ? undefined : 128 + number
}

/**
 * Runs a job that such a signal stops: the first signal asks it to stop and clean up, a second one ends the process
 * at once (the output folder's exit handler then removes what there is).
 */
export async function interruptible<T>(job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(signalCode(signal))
    controller.abort(
      Object.assign(new Error(`Stopped by ${signal}.`), {
        name: 'SilaneError',
        code: 'E_INTERRUPTED',
        what: `Stopped by ${signal}; nothing is left behind.`,
        signal,
      }),
    )
  }
  for (const name of names) process.on(name, stop)
  try {
    return await job(controller.signal)
  } catch (error) {
    // Libraries wrap the reason of an abort in errors of their own.
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    for (const name of names) process.off(name, stop)
  }
}
