import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { createPlugin } from './create-plugin.ts'
import { CreateError, errors } from './errors.ts'
import { inOneLine } from './printable.ts'

export { type Created, type CreateOptions, createPlugin } from './create-plugin.ts'

const help = `Usage: npm create silane-plugin <name> -- [flags]

Writes a working silane plugin into the folder silane-plugin-<name>.

  --scope SCOPE    npm scope to publish it under: @SCOPE/silane-plugin-<name>
  --dir FOLDER     where it is written; must be empty or new
  --author AUTHOR  for package.json and LICENSE: "Jane Doe <jane@example.org>"
  --version        the version of this program
  --help           this text
`

const flags = {
  scope: { type: 'string' },
  dir: { type: 'string' },
  author: { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The command line. Gives the exit code: 0, or 2 where what was asked for cannot be. */
export function run(
  args: readonly string[],
  print: (text: string) => void = printLine,
  complain: (text: string) => void = console.error,
): 0 | 2 {
  try {
    const { values, positionals } = parse(args)
    if (values.help) print(help)
    else if (values.version) print(ownVersion())
    else print(create(values, positionals))
    return 0
  } catch (error) {
    if (!(error instanceof CreateError)) throw error
    complain(`${error.code}: ${error.message}`)
    return error.exitCode
  }
}

/** Prints on stdout. What cannot be printed is an error, told when the system says so; a reader that has gone is none. */
function printLine(text: string): void {
  process.stdout.once('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EPIPE') return
    const error = errors.E_CREATE_PRINT({ problem: cause.message })
    console.error(`${error.code}: ${error.message}`)
    process.exitCode = error.exitCode
  })
  process.stdout.write(`${text}\n`)
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true })
  } catch (error) {
    throw errors.E_CREATE_USAGE({ problem: error instanceof Error ? error.message.replace(/\.\s[\s\S]*|\.$/, '') : String(error) })
  }
}

type Flags = ReturnType<typeof parse>['values']

function create({ scope, dir, author }: Flags, [name, ...more]: readonly string[]): string {
  if (name === undefined) throw errors.E_CREATE_USAGE({ problem: 'The name of the plugin is missing' })
  if (more.length > 0) throw errors.E_CREATE_USAGE({ problem: `One name is expected, and ${more.join(' ')} besides` })
  const created = createPlugin({ name, scope, dir, author })
  const folder = inOneLine(fromHere(created.folder))
  return `${created.name} is written to ${folder}\n\n  ${folder === '.' ? '' : `cd ${folder}\n  `}npm install\n  npm test\n\nREADME.md says what to change for another model, and how to publish it.`
}

/** A path as it is called from the working directory, which may have been removed. */
function fromHere(folder: string): string {
  try {
    return relative(process.cwd(), folder) || '.'
  } catch {
    return folder
  }
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
