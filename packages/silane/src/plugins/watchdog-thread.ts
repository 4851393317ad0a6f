import { rmSync, writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { LastWord, WatchdogData } from './watchdog.ts'

/** Milliseconds for the process to end by itself, which cleans up, before it is killed. */
const GRACE = 3000

const { state: shared, stuck }: WatchdogData = workerData
const state = new Int32Array(shared)
let lastWord: LastWord | undefined

/** Messages wait at the port, since this thread has no time for events. */
function listen(): void {
  if (!parentPort) return
  for (let got = receiveMessageOnPort(parentPort); got; got = receiveMessageOnPort(parentPort)) lastWord = got.message
}

for (;;) {
  Atomics.wait(state, 0, 0)
  const milliseconds = Atomics.load(state, 0)
  listen()
  if (milliseconds > 0 && Atomics.wait(state, 0, milliseconds, milliseconds) === 'timed-out') break
}
setTimeout(() => {
  // Where the main thread has come to its end, it has said so itself.
  if (Atomics.load(state, 1) === 0) say()
  process.kill(process.pid, 'SIGKILL')
}, GRACE)
// A debugger can stop a thread in the middle of a loop, and have it run something there. In a call of the system it cannot.
const session = new Session()
session.connectToMainThread()
session.on('Debugger.paused', ({ params }) => {
  const [frame] = params.callFrames
  if (!frame) return
  session.post('Debugger.evaluateOnCallFrame', {
    callFrameId: frame.callFrameId,
    expression: `globalThis[Symbol.for(${JSON.stringify(stuck)})]?.()`,
  })
})
session.post('Debugger.enable')
session.post('Debugger.pause')

/** Says what the main thread cannot any more, and removes what it would have. Nothing here may keep the process from its end. */
function say(): void {
  for (const { fd, text } of lastWord?.pieces ?? []) attempt(() => writeSync(fd, text))
  for (const folder of lastWord?.folders ?? []) attempt(() => rmSync(folder, { recursive: true, force: true }))
}

function attempt(work: () => unknown): void {
  try {
    work()
  } catch {}
}
