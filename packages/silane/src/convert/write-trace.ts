import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { folderFile } from '@silane/checkpoint'
import { type Graph, printGraph, type RuleHits } from '@silane/core'
import { outputFolder } from './output-folder.ts'
import type { RewrittenProgram } from './rewrite-program.ts'
import { writeTexts } from './write-files.ts'

/** Tells a folder with traces, which are replaced without asking: they are made again at any time. */
const INDEX = 'trace.txt'

/**
 * Writes the text of every function after load and after every pass, each op with its origin, and an index with times and rules. Gives
 * what `commit` gives.
 */
export function writeTrace(folder: string, rewritten: readonly RewrittenProgram[], keepOut: readonly string[]): Promise<readonly string[]> {
  const place = outputFolder(folder, { force: true, keepOut, mark: { file: INDEX, files: listed } })
  return place
    .fill(() => writeTexts(place.work, traceTexts(rewritten)))
    .then(place.commit)
    .finally(place.discard)
}

/** Bytes of an index: a line of some hundred for each pass over each function, so one of the largest models has a tenth. */
const MAX_INDEX = 4_000_000

/** The files that an index names: each line begins with one. Throws what `folderFile` throws: a folder of that name may be a stranger's. */
const listed = (path: string): readonly string[] => {
  const where = dirname(path)
  return readFileSync(folderFile(where, { file: INDEX, where }, { limit: MAX_INDEX }), 'utf8')
    .split('\n')
    .map(line => line.split(' ')[0] ?? '')
}

/** File name → text. The name says in which order passes ran: `model.main.coreml.2.ane.txt`. */
function traceTexts(rewritten: readonly RewrittenProgram[]): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {}
  const index: string[] = []
  const add = (name: string, graph: Graph, facts: string) => {
    texts[`${name}.txt`] = `# ${facts}\n${printGraph(graph, { origins: true })}\n`
    index.push(`${name}.txt  ${facts}`)
  }
  for (const { plan, passes } of rewritten) {
    for (const { name, source } of plan.functions) {
      const where = `${plan.name}.${name}`
      add(`${where}.load`, source, `${opsOf(source)} ops as loaded`)
      const steps = new Map<string, number>()
      for (const { pass, target, graph, milliseconds, hits, function: fn } of passes) {
        if (fn !== name) continue
        const step = (steps.get(target) ?? 0) + 1
        steps.set(target, step)
        add(`${where}.${target}.${step}.${pass}`, graph, `${opsOf(graph)} ops after ${pass}, ${milliseconds} ms; rules: ${rulesOf(hits)}`)
      }
    }
  }
  return { ...texts, [INDEX]: `${index.join('\n')}\n` }
}

const opsOf = ({ ops }: Graph): number => ops.filter(({ kind }) => kind !== 'const').length

const rulesOf = (hits: RuleHits): string =>
  Object.entries(hits)
    .map(([rule, count]) => `${rule} ${count}`)
    .join(', ') || 'none'
