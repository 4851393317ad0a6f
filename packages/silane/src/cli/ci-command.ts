import { mergeReports } from '../ci/merge-reports.ts'
import { runShard } from '../ci/run-shard.ts'
import { parseShard } from '../ci/shard.ts'
import { summarize } from '../ci/summary.ts'
import { errors } from '../errors.ts'
import { inOneLine } from '../printable.ts'
import type { CiFlags } from './matrix-command.ts'
import { progressLine } from './progress-line.ts'
import { hubOptions } from './shared-flags.ts'
import { terminal } from './terminal.ts'

interface RunFlags extends CiFlags {
  readonly only?: readonly string[]
  readonly out?: string
  readonly keep?: boolean
  readonly merge?: string
  readonly json?: boolean
}

/** `silane ci`. */
export async function ciCommand(flags: RunFlags, signal: AbortSignal): Promise<number> {
  return flags.merge === undefined ? run(flags, signal) : merge(flags.merge, flags.json)
}

async function run({ config, plugin, shard, only, out = 'silane-ci', keep, json, ...hub }: RunFlags, signal: AbortSignal): Promise<number> {
  const line = progressLine()
  let begun = 0
  try {
    const { exit, report, path } = await runShard({
      config,
      plugins: plugin,
      ...hubOptions(hub),
      only,
      out,
      keep,
      signal,
      shard: shard === undefined ? undefined : parseShard(shard),
      onProgress: line.show,
      onEntry: (entry, result) => {
        line.clear()
        if (!result) {
          begun++
          return terminal.note(`${begun}. ${entry.name}`)
        }
        const { error, misses, seconds } = result
        for (const miss of misses) terminal.note(`   missed: ${miss}`)
        if (error)
          terminal.note(
            `   ${[`${error.code} ${error.what}`, error.next]
              .filter(Boolean)
              .map(text => inOneLine(text ?? ''))
              .join('\n   ')}`,
          )
        terminal.note(`   ${result.exit === 0 ? 'ok' : `exit ${result.exit}`}, ${seconds.toFixed(1)} s`)
      },
    })
    line.clear()
    if (json) terminal.document(report)
    else terminal.result(summarize(report))
    terminal.note(path)
    return exit
  } finally {
    line.clear()
  }
}

async function merge(folder: string, json: boolean | undefined): Promise<number> {
  const { exit, report, missing } = await mergeReports({ folder })
  // Before anything ends it: what has been measured is worth seeing.
  if (json && missing.length === 0) terminal.document(report)
  else if (!json) terminal.result(summarize(report, missing))
  if (missing.length > 0) throw errors.E_CI_MISSING({ missing, where: folder })
  return exit
}
