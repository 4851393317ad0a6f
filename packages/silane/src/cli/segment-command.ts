import { join } from 'node:path'
import { type PromptPoint, segment } from '../pictures/segment.ts'
import type { ProgramSource } from '../pipeline/open-programs.ts'
import { formatTable } from './format.ts'
import { terminal } from './terminal.ts'

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
    terminal.document(result)
    return 0
  }
  for (const note of result.notes) terminal.note(note)
  const rows = result.masks.map(({ file, score, area }) => [join(result.out, file), score.toFixed(3), `${(100 * area).toFixed(1)} %`])
  terminal.result(formatTable(['mask', 'score', 'of the picture'], rows, process.stdout))
  terminal.result(`\nThe picture with the best mask over it: ${join(result.out, result.overlay)}`)
  return 0
}
