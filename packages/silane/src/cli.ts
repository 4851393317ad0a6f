import { Command, CommanderError } from 'commander'
import { addCommands } from './cli/commands.ts'
import { localInstallation } from './cli/local-installation.ts'
import { printError } from './cli/print-error.ts'
import { versions } from './versions.ts'

/** Usage errors, unsupported and bad input. */
const EXIT_USAGE = 2

/**
 * The command line. Returns the exit code: 0 good, 1 unexpected, 2 usage, unsupported or bad input, 3 a gate was missed; 130 and
 * 143 when stopped by a signal. Only commander is loaded at the start; every verb loads what it needs.
 */
export async function main(argv: string[]): Promise<number> {
  const local = localInstallation(argv)
  if (local !== undefined) {
    // Its launcher reads process.argv itself and leaves its exit code there.
    await import(local)
    return Number(process.exitCode ?? 0)
  }
  let code = 0
  const program = new Command('silane')
    .description('Converts Hugging Face transformers into Core ML programs for the Apple Neural Engine, and into ONNX.')
    .version(versions.silane, '--version', 'show the version')
    .option('--verbose', 'show the stack of unexpected errors')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
  addCommands(program, result => {
    code = result
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    // Commander has printed its own errors and help by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    return printError(error, { verbose: program.opts().verbose === true || process.env.DEBUG !== undefined, json: argv.includes('--json') })
  }
}
