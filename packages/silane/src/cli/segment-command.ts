import { join } from 'node:path'
import { type PromptPoint, segment } from '../pictures/segment.ts'
import type { ProgramSource } from '../pipeline/open-programs.ts'
import { formatTable } from './format.ts'

export interface SegmentFlags {
  readonly points?: readonly PromptPoint[]
  readonly box?: readonly [number, number, number, number]
  readonly all?: boolean
  readonly out?: string
  readonly force?: boolean
  readonly from?: ProgramSource
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** `silane segment`. */
export async function segmentCommand(folder: string, image: string, flags: SegmentFlags): Promise<number> {
  const { plugin, json, ...options } = flags
  const result = await segment({ ...options, folder, image, plugins: plugin })
  if (json) {
    console.log(JSON.stringify(result, undefined, 2))
    return 0
  }
  for (const note of result.notes) console.error(note)
  const rows = result.masks.map(({ file, score, area }) => [join(result.out, file), score.toFixed(3), `${(100 * area).toFixed(1)} %`])
  console.log(formatTable(['mask', 'score', 'of the picture'], rows, process.stdout))
  console.log(`\nThe picture with the best mask over it: ${join(result.out, result.overlay)}`)
  return 0
}
