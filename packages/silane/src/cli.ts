import { Command, CommanderError } from 'commander'
import { addCommands } from './cli/commands.ts'
import { localInstallation } from './cli/local-installation.ts'
import { printError, printUsage } from './cli/print-error.ts'
import { useProxies } from './cli/proxies.ts'
import { requireValues } from './cli/require-values.ts'
import { terminal, watchStreams } from './cli/terminal.ts'
import { watchdog } from './plugins/watchdog.ts'
import { streams } from './streams.ts'
import { versions } from './versions.ts'

/** Usage errors, unsupported and bad input. */
const EXIT_USAGE = 2

/**
 * The command line. Returns the exit code: 0 good, 1 unexpected, 2 usage, unsupported or bad input, 3 a gate was missed; 130 and
 * 143 when stopped by a signal. `proxies` is what there is to say about them. Only commander is loaded at the start; every verb loads what it needs.
 */
export async function main(argv: string[], proxies?: string): Promise<number> {
  try {
    const local = localInstallation(argv)
    if (local !== undefined) {
      // Its launcher reads process.argv itself and leaves its exit code there.
      await import(local)
      return Number(process.exitCode ?? 0)
    }
    let code = 0
    streams.begin()
    terminal.begin({})
    const program = new Command('silane')
      .description('Converts Hugging Face transformers into Core ML programs for the Apple Neural Engine, and into ONNX.')
      .version(versions.silane, '-V, --version', 'show the version')
      .option('-q, --quiet', 'print the result and errors, and nothing beside them')
      .option('--verbose', 'show the stack of unexpected errors')
      .helpOption('-h, --help', 'show help')
      .showSuggestionAfterError(true)
      // Choices and defaults stand in the texts, each in one place.
      .configureHelp({ showGlobalOptions: true, optionDescription: ({ description }) => description })
      .configureOutput({
        writeOut: terminal.piece,
        writeErr: text => terminal.error(text.trimEnd()),
        outputError: text => printUsage(usageOf(text, argv)),
      })
      .addHelpText('after', HELP_END)
      .exitOverride()
      .hook('preAction', (_, verb) => {
        terminal.begin(verb.optsWithGlobals())
        if (proxies !== undefined) terminal.note(`note: ${proxies}`)
      })
    addCommands(program, result => {
      code = result
    })
    const [first, verb] = argv
    // Commander would show the help of the program.
    if (first === 'help' && verb !== undefined && !verb.startsWith('-') && !program.commands.some(command => command.name() === verb))
      program.error(`error: unknown command '${verb}'`)
    requireValues(program, argv)
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) return printError(await inCode(error), manner(argv))
    if (error.exitCode === 0) return 0
    // Commander has said it on stderr by now.
    if (manner(argv).json) terminal.document({ error: usageOf(error.message, argv) })
    return EXIT_USAGE
  }
}

/** Below the help of the program; a verb has examples of its own. */
const HELP_END = `
\`silane help VERB\` shows the options of a verb, with examples. Begin with
  silane convert sentence-transformers/all-MiniLM-L6-v2

Exit codes: 0 good, 1 unexpected, 2 usage, unsupported or bad input, 3 a gate was missed.`

/** What commander says of a command line, as an error of the catalogue. */
function usageOf(message: string, argv: readonly string[]): { readonly code: 'E_USAGE'; readonly what: string; readonly next: string } {
  const what = message
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ')
  const verb = argv.find(word => !word.startsWith('-'))
  // Without a verb commander shows the help, and its message is a name of its own.
  return verb === undefined || /^unknown command/.test(what)
    ? { code: 'E_USAGE', what: what === '(outputHelp)' ? 'No verb is given.' : sentence(what), next: 'See `silane --help`.' }
    : { code: 'E_USAGE', what: sentence(what), next: `See \`silane help ${verb}\`.` }
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?)]$/.test(text) ? '' : '.'}`

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
  watchdog.arm({ end, pieces: error => streams.pieces(() => printError(error, manner(argv))) })
  process.on('exit', () => {
    if (done) return
    const error = watchdog.endedEarly()
    if (error) process.exitCode = printError(error, manner(argv))
  })
  const code = await main(argv, useProxies())
  process.exitCode = code
  done = true
  told ||= code !== 0
  // Not at once: what was written to a pipe may still be on its way.
  setTimeout(() => process.exit(), LINGER).unref()
}

/**
 * How errors are shown. Told by the words alone, since the ones that cannot be parsed are errors too. Where the result stands on stdout
 * already, what goes wrong behind it is said on stderr alone: two documents are none.
 */
const manner = (argv: readonly string[]) => ({
  json: argv.includes('--json') && !streams.used,
  verbose: argv.includes('--verbose') || process.env.DEBUG !== undefined,
})

/** What the operating system answered gets a code and words. */
async function inCode(error: unknown): Promise<unknown> {
  const { systemError } = await import('./system-error.ts')
  return systemError(error)
}
