import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ConvertOptions, convert } from 'silane'

const plugin = (path: string): string => fileURLToPath(new URL(`../../../plugins/${path}`, import.meta.url))

/** One report of each kind: an encoder, an encoder with a decoder, pictures; and one that misses. */
const samples: Readonly<Record<string, ConvertOptions>> = {
  bert: { model: plugin('bert/fixtures/base'), seq: [24] },
  t5: { model: plugin('t5/fixtures/text2text'), seq: [24], context: 32, prefill: 8 },
  sam: { model: plugin('sam/fixtures/masks') },
  unvalidated: { model: plugin('bert/fixtures/base'), seq: [16], validate: false },
}

/** Converts the samples into folders of `folder`. Gives the addresses of their reports by name. */
export async function sampleReports(folder: string): Promise<ReadonlyMap<string, string>> {
  const reports = new Map<string, string>()
  for (const [name, options] of Object.entries(samples)) {
    const out = join(folder, name)
    await convert({ ...options, out })
    reports.set(name, `file://${join(out, 'report.html')}`)
  }
  return reports
}
