import { Builder, type Output } from '../builder.ts'
import { errors } from '../errors.ts'
import type { Program } from '../graph/graph.ts'
import type { Checkpoint } from '../plugin/checkpoint.ts'

/** The longest default: what most encoders were trained on. */
const LONGEST_DEFAULT = 512

/**
 * The sequence lengths to build: what was asked for, or the smallest of what the tokenizer or
 * sentence-transformers allow, the model's positions and 512. Throws E_OPTION for a length beyond the positions.
 */
export function sequenceLengths(asked: readonly number[] | undefined, checkpoint: Checkpoint, positions: number): readonly number[] {
  if (!asked) return [defaultLength(checkpoint, positions)]
  for (const length of asked) {
    if (length > positions) throw errors.E_OPTION({ option: '--seq', problem: `${length} is more than the model's ${positions} positions` })
  }
  return [...new Set(asked)]
}

/** One sequence length, for programs that go with others of one length. Throws E_OPTION where several were asked for. */
export function sequenceLength(asked: readonly number[] | undefined, checkpoint: Checkpoint, positions: number): number {
  const [length, ...more] = sequenceLengths(asked, checkpoint, positions) as readonly [number, ...number[]]
  if (more.length > 0) throw errors.E_OPTION({ option: '--seq', problem: 'this task takes one length' })
  return length
}

const defaultLength = (checkpoint: Checkpoint, positions: number): number =>
  Math.min(LONGEST_DEFAULT, positions, checkpoint.tokenLimit() ?? positions)

/** An encoder program with one function per length, `main` or `main_64`, `main_128` …; the first is the default. */
export function encoderProgram(
  lengths: readonly number[],
  build: (b: Builder, length: number) => Readonly<Record<string, Output>>,
  name = 'model',
): Program {
  const functions = lengths.map(length => {
    const b = new Builder(lengths.length === 1 ? 'main' : `main_${length}`)
    return b.finish(build(b, length))
  })
  return { name, functions }
}

/** A program with the one function `main`, whose inputs `build` declares. */
export function mainProgram(name: string, build: (b: Builder) => Readonly<Record<string, Output>>): Program {
  const b = new Builder('main')
  return { name, functions: [b.finish(build(b))] }
}
