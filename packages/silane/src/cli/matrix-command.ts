import { matrix } from '../ci/matrix.ts'
import { parseShard } from '../ci/shard.ts'
import { progressLine } from './progress-line.ts'
import { type GivenHubFlags, hubOptions } from './shared-flags.ts'
import { terminal } from './terminal.ts'

export interface CiFlags extends GivenHubFlags {
  readonly config?: string
  readonly plugin?: readonly string[]
  readonly shard?: string
}

/** `silane matrix`: in one line, so that it can be an output of a step. */
export async function matrixCommand({ config, plugin, shard, ...hub }: CiFlags, signal: AbortSignal): Promise<number> {
  const line = progressLine()
  try {
    const found = await matrix({
      config,
      plugins: plugin,
      ...hubOptions(hub),
      signal,
      shard: shard === undefined ? undefined : parseShard(shard),
      onProgress: line.show,
    })
    line.clear()
    terminal.documentInLine(found)
    return 0
  } finally {
    line.clear()
  }
}
