import type { Checkpoint } from '@silane/core'
import { errors } from './errors.ts'
import { readTextFile } from './read-text-file.ts'
import type { Vocabulary } from './vocabulary.ts'

type Pair = readonly [string, string]

/**
 * merges.txt: pairs of tokens that are joined, the first in rank first. As in the original the first line is a version, whatever it says,
 * and what follows the last line's end is no merge.
 */
export function readMerges(checkpoint: Checkpoint, file: string, vocabulary: Vocabulary): readonly Pair[] {
  const refuse = (problem: string, cause?: unknown) => errors.E_MERGES({ file, problem, where: checkpoint.location }, { cause })
  const lines = readTextFile(checkpoint, file, refuse).split('\n').slice(1, -1)
  const merges = new Map<string, Pair>()
  for (const [index, line] of lines.entries()) {
    const place = `line ${index + 2}`
    const [left, right, ...more] = line.split(/\s+/u).filter(part => part !== '')
    if (left === undefined || right === undefined || more.length > 0) throw refuse(`${place} is no pair: ${JSON.stringify(line)}`)
    for (const token of [left, right, left + right])
      if (!vocabulary.has(token)) throw refuse(`${place} has ${JSON.stringify(token)}, which is not in the vocabulary`)
    const pair = `${left} ${right}`
    if (!merges.has(pair)) merges.set(pair, [left, right])
  }
  return [...merges.values()]
}
