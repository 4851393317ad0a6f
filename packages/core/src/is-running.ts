/** Whether there is a process of this number: what it was at may be going on. One of somebody else counts, which no signal may be sent to. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
