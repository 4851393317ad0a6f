import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { isCoded, thrownText } from '../thrown.ts'
import type { LoadAnswer, LoadRequest, Told } from './load-apart.ts'
import { loadPlugin } from './load-plugin.ts'
import { blamed } from './run-plugin.ts'

const told = (error: unknown): Told => {
  if (isCoded(error)) return { code: error.code, what: error.what, where: error.where, next: error.next }
  return { code: 'E_UNEXPECTED', what: thrownText(error) }
}

// Before any plugin is there to replace it.
const send = process.send?.bind(process)
const answer = (message: LoadAnswer) => send?.(message)

const { exit } = process
Object.defineProperty(process, 'exit', {
  value: (code?: number) => {
    answer({ ended: true })
    return exit(code)
  },
})
process.on('uncaughtException', error => answer({ stray: told(blamed(error)) }))
// Nobody is left to tell.
process.on('disconnect', () => exit())

const [{ plugins }]: [LoadRequest] = (await once(process, 'message')) as [LoadRequest]
// A promise that is never kept is told by an empty event loop.
process.channel?.unref()
for (const plugin of plugins) {
  let loaded: Told | null = null
  answer({ begins: true })
  try {
    await loadPlugin(plugin)
    // What it threw beside its import is told by now, before its place in the row is taken.
    await setImmediate()
  } catch (error) {
    loaded = told(error)
  }
  answer({ loaded })
}
