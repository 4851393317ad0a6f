import { Session } from 'node:inspector'
import { workerData } from 'node:worker_threads'
import type { WatchdogData } from './watchdog.ts'

/** Milliseconds for the process to end by itself, which cleans up, before it is killed. */
const GRACE = 3000

const { done, patience, stuck }: WatchdogData = workerData

if (Atomics.wait(new Int32Array(done), 0, 0, patience) === 'timed-out') {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE)
  // A debugger can stop a thread in the middle of a loop, and have it run something there.
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
}
