import type { Checkpoint } from '@silane/core'
import { errors } from './errors.ts'
import { readTextFile } from './read-text-file.ts'
import type { Vocabulary } from './vocabulary.ts'

/** vocab.txt: a token a line, whose number is its id. Of a token with several lines the last counts, as in the original. */
export function readWordList(checkpoint: Checkpoint, file: string): Vocabulary {
  const refuse = (problem: string, cause?: unknown) => errors.E_VOCABULARY({ file, problem, where: checkpoint.location }, { cause })
  const lines = readTextFile(checkpoint, file, refuse).split('\n')
  // What follows the last line's end is no line.
  if (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) throw refuse('it is empty')
  return new Map(lines.map((token, id) => [token, id]))
}
