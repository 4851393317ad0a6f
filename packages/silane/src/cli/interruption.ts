/**
 * Runs a job that Ctrl-C or a TERM signal stops: the first signal asks it to stop and clean up, a second one ends the process
 * at once (the output folder's exit handler then removes what there is).
 */
export async function interruptible<T>(job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    controller.abort(
      Object.assign(new Error(`Stopped by ${signal}.`), {
        name: 'SilaneError',
        code: 'E_INTERRUPTED',
        what: `Stopped by ${signal}; nothing is left behind.`,
        signal,
      }),
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    return await job(controller.signal)
  } catch (error) {
    // Libraries wrap the reason of an abort in errors of their own.
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}
