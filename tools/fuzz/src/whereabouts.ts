/** What the inspector tells: of each script, and of a process that was paused. */
interface Told {
  readonly method?: string
  readonly params?: {
    readonly scriptId?: string
    readonly url?: string
    readonly callFrames?: readonly {
      readonly functionName: string
      readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number }
    }[]
  }
}

/** How long a busy process may take to say where it is. */
const PATIENCE_MS = 5000

/** The stack of a process that is busy, as an error would print it, by its inspector; nothing where it does not answer. Its process stays paused. */
export function whereabouts(inspector: string | undefined): Promise<string | undefined> {
  if (inspector === undefined) return Promise.resolve(undefined)
  return new Promise(resolve => {
    const scripts = new Map<string, string>()
    const socket = new WebSocket(inspector)
    const end = (stack: string | undefined): void => {
      clearTimeout(timer)
      socket.close()
      resolve(stack)
    }
    const timer = setTimeout(end, PATIENCE_MS, undefined)
    socket.addEventListener('error', () => end(undefined))
    socket.addEventListener('open', () => {
      for (const [id, method] of ['Debugger.enable', 'Debugger.pause'].entries()) socket.send(JSON.stringify({ id, method }))
    })
    socket.addEventListener('message', ({ data }) => {
      const { method, params } = JSON.parse(String(data)) as Told
      if (method === 'Debugger.scriptParsed') scripts.set(params?.scriptId ?? '', params?.url ?? '')
      if (method !== 'Debugger.paused') return
      const lines = (params?.callFrames ?? []).map(
        ({ functionName, location }) =>
          `    at ${functionName || 'function'} (${scripts.get(location.scriptId)}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1})`,
      )
      end(lines.join('\n'))
    })
  })
}
