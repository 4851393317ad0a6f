import type { Comparison, Line } from '@silane/core'
import { type Manifest, missedGates } from 'silane'
import type { FixtureCase } from './read-cases.ts'

/** The gates that a conversion is held to, by its precision and targets. */
export const linesOf = ({ precision, target }: Manifest['options']): readonly Line[] => [
  'original',
  ...(Array.isArray(target) && target.includes('onnx') ? (['onnx'] as const) : []),
  'lowering',
  'file',
  ...(precision === 'fp32' ? [] : (['arithmetic'] as const)),
  'total',
]

/**
 * What the gate lines of a conversion say against it, each in a line: gates that were missed, by how much, and lines that are not there.
 * A golden file that fits no function would otherwise pass unseen, and so would an output that nothing was compared with.
 */
export function gateProblems(comparisons: readonly Comparison[], { programs }: FixtureCase, lines: readonly Line[]): readonly string[] {
  const golden = Object.entries(programs)
    .filter(([, { drive }]) => drive === undefined || drive === 'cached-decoder')
    .flatMap(([program, { outputs }]) => outputs.map(output => ({ program, output })))
  const compared = new Set(comparisons.map(({ program, output, line }) => `${program} ${output}, ${line}`))
  const lacking = golden.flatMap(({ program, output }) =>
    lines.map(line => `${program} ${output}, ${line}`).filter(name => !compared.has(name)),
  )
  return [...missedGates(comparisons), ...lacking.map(name => `${name}: was not compared`)]
}
