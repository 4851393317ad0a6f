import { unfinishedFolders } from '@silane/core'
import { errors } from '../errors.ts'
import { streams } from '../streams.ts'
import { isCoded, thrownText } from '../thrown.ts'
import type { FoundPlugin } from './discover-plugins.ts'
import { type Watched, watchdog } from './watchdog.ts'

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
  const stack = error instanceof Error && typeof error.stack === 'string' ? error.stack : ''
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
  const run = { plugin, doing }
  const { promise: stuck, reject } = Promise.withResolvers<never>()
  // An empty event loop would end the process while the promise is still awaited.
  const emptied = () => reject(failed(run, 'its promise is never kept, and nothing is left to wait for'))
  const time = patience()
  const late = bounded ? setTimeout(() => reject(failed(run, `it is not done after ${time / 1000} s`)), time) : undefined
  late?.unref()
  process.once('beforeExit', emptied)
  const quiet = redirectStdout()
  const release = bounded ? watchdog.watch(watched(run)) : undefined
  try {
    // Without this an unawaited rejection of `stuck` would count as nobody's.
    stuck.catch(() => {})
    return await Promise.race([Promise.resolve().then(work), stuck])
  } catch (error) {
    throw named(run, error)
  } finally {
    release?.()
    quiet()
    clearTimeout(late)
    process.off('beforeExit', emptied)
  }
}

/** The same for code that gives its result at once: gives a function that runs it, made once where there are many calls of one kind. */
export function runsNow({ plugin, doing }: Omit<Run, 'bounded'>): <T>(work: () => T) => T {
  const watch = watched({ plugin, doing })
  return work => {
    if (ran.at(-1) !== plugin) ran.push(plugin)
    const quiet = redirectStdout()
    const release = watchdog.watch(watch)
    try {
      return work()
    } catch (error) {
      throw named({ plugin, doing }, error)
    } finally {
      release()
      quiet()
    }
  }
}

const failed = ({ plugin: { name, root: where }, doing }: Run, problem: string) =>
  errors.E_PLUGIN_FAILED({ plugin: name, doing, problem, where })

function watched(run: Run): Watched {
  const time = patience()
  return {
    patience: time,
    stuck: failed(run, `it has not returned after ${time / 1000} s`),
    ended: failed(run, 'it ended the process'),
    folders: unfinishedFolders,
  }
}

/** What input can cause is coded already; a graph that no op allows (exit code 1) was built by the plugin, whatever the input said. */
function named({ plugin, doing }: Run, error: unknown): unknown {
  if (isCoded(error) && error.exitCode !== 1) return error
  const problem = thrownText(error)
  return errors.E_PLUGIN_FAILED({ plugin: plugin.name, doing, problem, where: plugin.root }, { cause: error })
}

/** What plugins print goes to stderr: meanwhile, and in a process of ours from now on. */
function redirectStdout(): () => void {
  if (watchdog.armed) {
    streams.hold()
    return () => {}
  }
  const { stdout, stderr } = process
  const own = Object.getOwnPropertyDescriptor(stdout, 'write')
  Object.defineProperty(stdout, 'write', { configurable: true, writable: true, value: stderr.write.bind(stderr) })
  return () => {
    if (own) Object.defineProperty(stdout, 'write', own)
    else Reflect.deleteProperty(stdout, 'write')
  }
}
