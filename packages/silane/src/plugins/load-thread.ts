import { parentPort, workerData } from 'node:worker_threads'
import { isSilaneError } from '@silane/core'
import type { LoadAnswer, LoadRequest, Told } from './load-apart.ts'
import { loadPlugin } from './load-plugin.ts'
import { blamed } from './run-plugin.ts'

const { plugins }: LoadRequest = workerData
const answer = (message: LoadAnswer) => parentPort?.postMessage(message)

const told = (error: unknown): Told => {
  if (isSilaneError(error)) return { code: error.code, what: error.what, where: error.where, next: error.next }
  return { code: 'E_UNEXPECTED', what: error instanceof Error ? error.message : String(error) }
}

const { exit } = process
Object.defineProperty(process, 'exit', {
  value: (code?: number) => {
    answer({ ended: true })
    return exit(code)
  },
})
process.on('uncaughtException', error => answer({ stray: told(blamed(error)) }))

for (const plugin of plugins) {
  let loaded: Told | null = null
  answer({ begins: true })
  try {
    await loadPlugin(plugin)
  } catch (error) {
    loaded = told(error)
  }
  answer({ loaded })
}
