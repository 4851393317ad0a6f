import { Command, CommanderError } from 'commander'
import { addCommands } from './cli/commands.ts'
import { localInstallation } from './cli/local-installation.ts'
import { printError } from './cli/print-error.ts'
import { terminal, watchStreams } from './cli/terminal.ts'
import { watchdog } from './plugins/watchdog.ts'
import { versions } from './versions.ts'

/** Usage errors, unsupported and bad input. */
const EXIT_USAGE = 2

/**
 * The command line. Returns the exit code: 0 good, 1 unexpected, 2 usage, unsupported or bad input, 3 a gate was missed; 130 and
 * 143 when stopped by a signal. Only commander is loaded at the start; every verb loads what it needs.
 */
export async function main(argv: string[]): Promise<number> {
  try {
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
      .configureOutput({ writeOut: terminal.piece, writeErr: text => terminal.note(text.trimEnd()) })
      .exitOverride()
    addCommands(program, result => {
      code = result
    })
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) return printError(await inCode(error), manner(argv))
    if (error.exitCode === 0) return 0
    // Commander has said it on stderr by now.
    if (manner(argv).json) {
      const what = error.message.replace(/^error: /, '')
      terminal.document({ error: { code: 'E_USAGE', what, next: 'See `silane --help`.' } })
    }
    return EXIT_USAGE
  }
}

/** Milliseconds that timers and sockets of plugins may keep a process that is done. */
const LINGER = 500

/**
 * The command line as a process of its own: with an end for what nobody catches, for plugins that do not return or keep the process
 * open, and for a stdout that fails. Gives nothing; the exit code is the process's.
 */
export async function run(argv: string[]): Promise<void> {
  let done = false
  // One error is the result of a command; what comes after it was caused by it, or comes too late to matter.
  let told = false
  const exit = (code?: number) => {
    done = true
    process.exit(code)
  }
  const end = (error: unknown) => {
    if (told) return
    told = true
    watchdog.release()
    exit(printError(error, manner(argv)))
  }
  const endCoded = async (error: unknown) => {
    const { blamed } = await import('./plugins/run-plugin.ts')
    end(blamed(await inCode(error)))
  }
  process.on('uncaughtException', endCoded)
  process.on('unhandledRejection', endCoded)
  // As other programs in a pipe do: without a word.
  watchStreams({ closed: () => exit(), failed: endCoded })
  watchdog.arm(end)
  process.on('exit', () => {
    if (done) return
    watchdog.release()
    const error = watchdog.endedEarly()
    if (error) process.exitCode = printError(error, manner(argv))
  })
  const code = await main(argv)
  process.exitCode = code
  done = true
  told ||= code !== 0
  // Not at once: what was written to a pipe may still be on its way.
  setTimeout(() => process.exit(), LINGER).unref()
}

/** How errors are shown. Told by the words alone, since the ones that cannot be parsed are errors too. */
const manner = (argv: readonly string[]) => ({
  json: argv.includes('--json'),
  verbose: argv.includes('--verbose') || process.env.DEBUG !== undefined,
})

/** What the operating system answered gets a code and words. */
async function inCode(error: unknown): Promise<unknown> {
  const { systemError } = await import('./system-error.ts')
  return systemError(error)
}
