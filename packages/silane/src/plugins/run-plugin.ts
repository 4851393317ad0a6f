import { isSilaneError } from '@silane/core'
import { errors } from '../errors.ts'
import type { FoundPlugin } from './discover-plugins.ts'
import { watchdog } from './watchdog.ts'

/** A plugin, for messages. */
export interface RunningPlugin {
  /** `package@version`. */
  readonly name: string
  /** The folder of its package. */
  readonly root: string
}

/** How a plugin that was found is called. */
export const runningPlugin = ({ package: name, version, root }: Pick<FoundPlugin, 'package' | 'version' | 'root'>): RunningPlugin => ({
  name: `${name}@${version}`,
  root,
})

/** Seconds that a plugin may take where it only reads a configuration and builds a graph. The slowest of ours takes two. */
const PATIENCE = 60

/** Milliseconds; a plugin that works longer by design is given its time with SILANE_PLUGIN_TIMEOUT, in seconds. */
export function patience(): number {
  const asked = Number(process.env.SILANE_PLUGIN_TIMEOUT)
  return 1000 * (asked > 0 && asked < 1e6 ? asked : PATIENCE)
}

/** Plugins whose code has run in this process, the last one at the end: what is thrown later by nobody is one of theirs. */
const ran: RunningPlugin[] = []

/** An error that nobody caught, under the name of the plugin in whose folder it was made, or that ran last where no folder is told. */
export function blamed(error: unknown): unknown {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const plugin = ran.findLast(({ root }) => stack.includes(root)) ?? (stack.includes('file:') ? undefined : ran.at(-1))
  return plugin === undefined ? error : named({ plugin, doing: 'something that nothing waited for' }, error)
}

interface Run {
  readonly plugin: RunningPlugin
  /** What it is doing, as in "its load …". */
  readonly doing: string
  /** False where it may take as long as it likes, since it measures or runs models. */
  readonly bounded?: boolean
}

/**
 * Runs code of a plugin so that what goes wrong in it carries its name: a throw that has no code of its own, a promise that is never
 * kept, a loop without an end. What it prints on stdout goes to stderr, since stdout holds one result.
 */
export async function runPlugin<T>({ plugin, doing, bounded = true }: Run, work: () => T | Promise<T>): Promise<T> {
  if (ran.at(-1) !== plugin) ran.push(plugin)
  const failed = (problem: string) => errors.E_PLUGIN_FAILED({ plugin: plugin.name, doing, problem, where: plugin.root })
  const { promise: stuck, reject } = Promise.withResolvers<never>()
  // An empty event loop would end the process while the promise is still awaited.
  const emptied = () => reject(failed('its promise is never kept, and nothing is left to wait for'))
  const time = patience()
  const late = bounded ? setTimeout(() => reject(failed(`it is not done after ${time / 1000} s`)), time) : undefined
  late?.unref()
  process.once('beforeExit', emptied)
  const quiet = redirectStdout()
  const release = bounded
    ? watchdog.watch({
        patience: time,
        stuck: failed(`it has not returned after ${time / 1000} s`),
        ended: failed('it ended the process'),
        before: quiet,
      })
    : undefined
  try {
    // Without this an unawaited rejection of `stuck` would count as nobody's.
    stuck.catch(() => {})
    return await Promise.race([Promise.resolve().then(work), stuck])
  } catch (error) {
    throw named({ plugin, doing }, error)
  } finally {
    release?.()
    quiet()
    clearTimeout(late)
    process.off('beforeExit', emptied)
  }
}

/** The same for code that gives its result at once; it is not timed. */
export function runPluginNow<T>({ plugin, doing }: Run, work: () => T): T {
  if (ran.at(-1) !== plugin) ran.push(plugin)
  const quiet = redirectStdout()
  try {
    return work()
  } catch (error) {
    throw named({ plugin, doing }, error)
  } finally {
    quiet()
  }
}

/** What input can cause is coded already; a graph that no op allows (exit code 1) was built by the plugin, whatever the input said. */
function named({ plugin, doing }: Run, error: unknown): unknown {
  if (isSilaneError(error) && error.exitCode !== 1) return error
  const problem = error instanceof Error ? error.message : String(error)
  return errors.E_PLUGIN_FAILED({ plugin: plugin.name, doing, problem, where: plugin.root }, { cause: error })
}

/** What plugins print meanwhile goes to stderr. */
function redirectStdout(): () => void {
  const { stdout, stderr } = process
  const own = Object.getOwnPropertyDescriptor(stdout, 'write')
  Object.defineProperty(stdout, 'write', { configurable: true, writable: true, value: stderr.write.bind(stderr) })
  return () => {
    if (own) Object.defineProperty(stdout, 'write', own)
    else Reflect.deleteProperty(stdout, 'write')
  }
}
