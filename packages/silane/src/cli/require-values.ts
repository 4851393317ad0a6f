import type { Command } from 'commander'

/**
 * Ends with a usage error where the value of an option would be another option of the same command: `--task --json` is a value that was
 * forgotten, and commander would take `--json` for the task. Somebody who means it writes `--task=--json`.
 */
export function requireValues(program: Command, argv: readonly string[]): void {
  const verb = program.commands.find(command => command.name() === argv.find(word => !word.startsWith('-')))
  const options = [program, ...(verb ? [verb] : [])].flatMap(command => [
    ...command.options,
    ...command.createHelp().visibleOptions(command),
  ])
  const named = new Map(options.flatMap(option => [option.short, option.long].flatMap(flag => (flag ? [[flag, option] as const] : []))))
  const end = argv.indexOf('--')
  const words = end < 0 ? argv : argv.slice(0, end)
  for (const [i, word] of words.entries()) {
    const option = named.get(word)
    if (option?.required && named.has(words[i + 1] ?? '')) program.error(`error: option '${option.flags}' argument missing`)
  }
}
