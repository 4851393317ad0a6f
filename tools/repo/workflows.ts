// Writes what the project's workflows have of the list of checks: `node tools/repo/workflows.ts`. It stands between `# <name>` and `# end of <name>`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Check {
  readonly name: string
  readonly command: readonly string[]
  /** The task of nx that does the same for one package. */
  readonly affected?: string
}

/** The same list as `.ci/run` goes through. */
export const checks = JSON.parse(readFileSync(join(root, 'tools/repo/checks.json'), 'utf8')) as readonly Check[]

const word = (text: string): string => (/^[\w./=@:-]+$/.test(text) ? text : `'${text}'`)

/** Of the workspace as a whole: a change of any file may break these. */
const steps = checks
  .filter(({ affected }) => affected === undefined)
  .flatMap(({ name, command }) => [`- name: ${name}`, `  run: ${command.map(word).join(' ')}`])

const tasks = checks.flatMap(({ affected }) => affected ?? [])

export const parts: Readonly<Record<string, readonly string[]>> = {
  'the checks of the whole workspace': steps,
  'the checks of a package': [`TASKS: ${tasks.join(',')}`],
}

export const files: readonly string[] = ['nightly.yml', 'pull-request.yml', 'release.yml'].map(name =>
  join(root, '.github/workflows', name),
)

/** A workflow with its parts as the list has them. */
export const render = (text: string): string =>
  Object.entries(parts).reduce(
    (done, [name, lines]) =>
      done.replace(new RegExp(`^( *)# ${name}\\n[\\s\\S]*?^ *# end of ${name}$`, 'm'), (_, indent: string) =>
        [`# ${name}`, ...lines, `# end of ${name}`].map(line => `${indent}${line}`).join('\n'),
      ),
    text,
  )

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const file of files) writeFileSync(file, render(readFileSync(file, 'utf8')))
