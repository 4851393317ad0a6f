import { matrix } from '../ci/matrix.ts'
import { parseShard } from '../ci/shard.ts'
import { terminal } from './terminal.ts'

export interface CiFlags {
  readonly config?: string
  readonly plugin?: readonly string[]
  readonly offline?: boolean
  readonly shard?: string
}

/** `silane matrix`: in one line, so that it can be an output of a step. */
export async function matrixCommand({ config, plugin, offline, shard }: CiFlags, signal: AbortSignal): Promise<number> {
  const found = await matrix({ config, plugins: plugin, offline, signal, shard: shard === undefined ? undefined : parseShard(shard) })
  terminal.result(JSON.stringify(found))
  return 0
}
