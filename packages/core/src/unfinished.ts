/** What asks a process to end, and ends it where nothing listens. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const

/** A folder that goes with its process, until it is finished or removed. */
export interface UnfinishedFolder {
  readonly path: string
  /** Nothing removes it from now on. */
  finish(): void
  remove(): void
}

/** How each is removed. */
const folders = new Map<string, () => void>()

/** How many are being made or are there. */
let count = 0

const removeAll = () => {
  for (const remove of folders.values()) remove()
}

/** Where something else listens, it has its own way to clean up, and may let the work go on. Another copy of this module is no such thing. */
function stoppedBySignal(signal: NodeJS.Signals): void {
  if (process.listeners(signal).some(({ name }) => name !== stoppedBySignal.name)) return
  removeAll()
  listen('off')
  process.kill(process.pid, signal)
}

let isListening = false

function listen(by: 'on' | 'off'): void {
  if (isListening === (by === 'on')) return
  isListening = by === 'on'
  process[by]('exit', removeAll)
  for (const signal of SIGNALS) process[by](signal, stoppedBySignal)
}

/** A signal that came meanwhile is heard of in the next turn of the event loop. It would be lost if nobody listened then. */
function leave(): void {
  count--
  const rest = () => {
    if (count === 0) listen('off')
  }
  setImmediate(() => setImmediate(rest))
}

/**
 * Makes a folder that is removed where the process ends before it is finished, by whatever can be heard of. Signals are heard from before
 * it is made, so there is no moment in which one leaves it.
 * @param make makes it and gives its path
 * @param remove removes one, also where it is not there any more
 */
export function unfinishedFolder(make: () => string, remove: (path: string) => void): UnfinishedFolder {
  listen('on')
  count++
  let path: string
  try {
    path = make()
  } catch (error) {
    leave()
    throw error
  }
  folders.set(path, () => remove(path))
  const finish = () => {
    if (folders.delete(path)) leave()
  }
  return {
    path,
    finish,
    remove: () => {
      remove(path)
      finish()
    },
  }
}

/** The paths of all of them, for a thread that ends the process in its place. */
export const unfinishedFolders = (): readonly string[] => [...folders.keys()]
