import type { DeployedFunction, DeployedProgram, DeployedTensor } from '../../manifest.ts'

/** How a host drives the parts of a decoder, in the names that its ports have. */
export function decoderProse(parts: readonly DeployedProgram[]): string[] {
  const functions = parts[0]?.functions ?? []
  const inputs = functions[0]?.inputs ?? []
  const named = (role: DeployedTensor['role']) => inputs.filter(input => input.role === role).map(({ name }) => `\`${name}\``)
  const positions = named('positions')[0]
  const updates = parts.flatMap(part => part.functions[0]?.outputs ?? []).filter(output => output.updates !== undefined)
  const updated = [...new Set(updates.map(({ name, updates }) => `\`${name}\` into \`${updates}\``))]
  const tokens = (fn: DeployedFunction) => fn.inputs.find(({ role }) => role === 'positions')?.shape.at(-1) ?? 1
  const called = functions.map(fn => `\`${fn.name}\` (${tokens(fn)} per call)`).join(' and ')
  const chain = parts.map(({ name }) => `\`${name}\``).join(', then ')
  return [
    `To generate, load ${chain} once per function: ${called}. Feed the prompt to the function that takes most tokens, padded on the right, ${positions ? `with ${positions} p, p + 1, …` : ''};`,
    'then feed each new token to the one that takes one.',
    updated.length > 0
      ? `After each call write ${updated.join(' and ')} at the slots p … p + S − 1, and pass the caches in again; slots from ${positions ?? 'p'}[0] on are not read.`
      : 'Pass the same `MLState` to every call of both functions.',
    '',
  ]
}
