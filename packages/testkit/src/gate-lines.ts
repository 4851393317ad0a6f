import type { Comparison, Line } from '@silane/core'
import { missedGates } from 'silane'
import type { FixtureCase } from './read-cases.ts'

/** The gates that a conversion to both targets in fp16 is held to, and one to Core ML in fp32. */
export const linesOf = {
  fp16: ['original', 'onnx', 'lowering', 'file', 'arithmetic', 'total'],
  fp32: ['original', 'lowering', 'file', 'total'],
} as const satisfies Readonly<Record<string, readonly Line[]>>

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
