import { type ClassifyOptions, classify } from '../pictures/classify.ts'
import { formatTable } from './format.ts'
import { inShort } from './in-short.ts'
import { terminal } from './terminal.ts'

export interface ClassifyFlags extends Pick<ClassifyOptions, 'count' | 'from'> {
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** `silane classify`. */
export async function classifyCommand(folder: string, image: string, { plugin, json, ...flags }: ClassifyFlags): Promise<number> {
  const result = await classify({ ...flags, folder, image, plugins: plugin })
  if (json) {
    terminal.document(result)
    return 0
  }
  for (const note of result.notes) terminal.note(note)
  const rows = result.labels.map(({ label, probability }) => [inShort(label), `${(100 * probability).toFixed(2)} %`])
  terminal.result(formatTable(['label', 'probability'], rows, process.stdout))
  return 0
}
