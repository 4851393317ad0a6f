import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporary } from './workspace.ts'

const module = JSON.stringify(new URL('../src/convert/output-folder.ts', import.meta.url).href)
const script = `
  const { outputFolder } = await import(${module})
  outputFolder(process.argv[1], { force: false, keepOut: [] })
  outputFolder(process.argv[1] + '.trace', { force: false, keepOut: [] })
  console.log('made')
  setInterval(() => {}, 1000)`

test.skipIf(process.platform === 'win32')('a process that a signal ends takes its work folders along, whatever it was doing', async () => {
  const ends = (['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const).map(async signal => {
    const parent = temporary()
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, join(parent, 'out')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    expect(readdirSync(parent)).toHaveLength(2)
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([null, signal])
    expect(readdirSync(parent)).toEqual([])
  })
  await Promise.all(ends)
})
