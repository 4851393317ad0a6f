import { rmSync } from 'node:fs'

/** What asks a process to end, and ends it where nothing listens. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const

const folders = new Set<string>()

const remove = () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

/** Where something else listens, it has its own way to clean up, and may let the work go on. */
function stopped(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  remove()
  listen('off')
  process.kill(process.pid, signal)
}

function listen(by: 'on' | 'off'): void {
  process[by]('exit', remove)
  for (const signal of SIGNALS) process[by](signal, stopped)
}

/** Has a folder removed where the process ends while it is written, by whatever can be heard of. To be called: the function given, at its end. */
export function unfinished(folder: string): () => void {
  if (folders.size === 0) listen('on')
  folders.add(folder)
  return () => {
    if (folders.delete(folder) && folders.size === 0) listen('off')
  }
}

/** All of them, for a thread that ends the process in its place. */
export const unfinishedFolders = (): readonly string[] => [...folders]
