import { mkdirSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openBench } from './bench.ts'
import type { FromChild, Order } from './protocol.ts'
import { type CaseContext, runCase } from './run-case.ts'
import type { Target } from './targets.ts'

/** Where the runner listens. Written to without a queue: what was said is heard although the process dies in the next moment. */
const REPORTS = 3
const tell = (message: FromChild): void => void writeSync(REPORTS, `${JSON.stringify(message)}\n`)

const [benchFolder = '', folder = '', extra] = process.argv.slice(2)
const [temporary, working, cases] = ['tmp', 'cwd', 'cases'].map(name => join(folder, name)) as [string, string, string]
for (const path of [temporary, working, cases]) mkdirSync(path, { recursive: true })
process.env.TMPDIR = temporary
process.chdir(working)

const late: unknown[] = []
process.on('unhandledRejection', error => void late.push(error ?? 'nothing'))
process.on('uncaughtException', error => void late.push(error))

/** Targets of a test, beside those of the harness. */
const targets =
  extra === undefined || extra === ''
    ? undefined
    : ((await import(extra)) as { readonly targets: Readonly<Record<string, Target>> }).targets
const context: CaseContext = {
  bench: openBench(benchFolder),
  folder: cases,
  empty: [temporary, working],
  late,
  onMade: (made, args) => tell({ made, args }),
  ...(targets ? { targets } : {}),
}
tell({ ready: true })

/** A mistake of the harness ends the run: a case that was never made says nothing. */
const broken = (error: unknown): never => {
  tell({ broken: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exit(1)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { format, seed, indexes } = JSON.parse(line) as Order
  for (const index of indexes) {
    tell({ begun: index })
    const told = await runCase({ format, seed, index }, context).catch(broken)
    // What one case left behind is not the next one's.
    for (const path of context.empty) for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true })
    tell({ done: index, ...told, peak: process.resourceUsage().maxRSS * 1024, resident: process.memoryUsage.rss() })
  }
  tell({ idle: true })
}
