import { type ClassifyOptions, classify } from '../pictures/classify.ts'
import { formatTable } from './format.ts'

export interface ClassifyFlags extends Pick<ClassifyOptions, 'count' | 'from'> {
  readonly plugin?: readonly string[]
  readonly json?: boolean
}

/** `silane classify`. */
export async function classifyCommand(folder: string, image: string, { plugin, json, ...flags }: ClassifyFlags): Promise<number> {
  const result = await classify({ ...flags, folder, image, plugins: plugin })
  if (json) {
    console.log(JSON.stringify(result, undefined, 2))
    return 0
  }
  for (const note of result.notes) console.error(note)
  const rows = result.labels.map(({ label, probability }) => [label, `${(100 * probability).toFixed(2)} %`])
  console.log(formatTable(['label', 'probability'], rows, process.stdout))
  return 0
}
