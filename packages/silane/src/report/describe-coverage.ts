import type { Coverage } from '@silane/core'

const kinds: Readonly<Record<Coverage['inputs'], string>> = {
  golden: 'golden samples',
  plugin: 'samples of the plugin',
  random: 'random samples',
}

/** What was held against the original implementation, and what was not. */
export function describeCoverage(coverage: readonly Coverage[]): string[] {
  const list = (original: boolean) =>
    coverage
      .filter(entry => entry.original === original)
      .map(({ program, function: name, inputs, samples }) => `${program}/${name} (${samples} ${kinds[inputs]})`)
      .join(', ')
  const [held, unheld] = [list(true), list(false)]
  return [
    ...(held ? [`Compared with the original implementation: ${held}.`] : []),
    ...(unheld ? [`Not compared with the original implementation, only its stages with one another: ${unheld}.`] : []),
  ]
}
