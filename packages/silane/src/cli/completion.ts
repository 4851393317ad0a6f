import type { Command, Option } from 'commander'
import { terminal } from './terminal.ts'

export type Shell = 'bash' | 'zsh' | 'fish'

/** `silane completion`. The script is made of the program, so that it has every verb and flag that there is. */
export function completionCommand(program: Command, shell: Shell): number {
  terminal.piece(scripts[shell](verbsOf(program)))
  return 0
}

interface Flag {
  readonly long: string
  readonly short: string | undefined
  readonly takes: 'nothing' | 'value' | 'file'
  readonly choices: readonly string[]
  readonly repeatable: boolean
  readonly doc: string
}

interface VerbFlags {
  readonly name: string
  readonly summary: string
  readonly flags: readonly Flag[]
  /** What its argument may be; files where nothing is said. */
  readonly choices: readonly string[]
}

function verbsOf(program: Command): readonly VerbFlags[] {
  const common = program.options.map(flagOf)
  const help = { long: '--help', short: '-h', takes: 'nothing', choices: [], repeatable: false, doc: 'show help' } as const
  const verbs = program.commands.map(command => ({
    name: command.name(),
    summary: command.summary(),
    flags: [...command.options.map(flagOf), ...common.filter(({ long }) => long !== '--version'), help],
    choices: command.registeredArguments[0]?.argChoices ?? [],
  }))
  return [...verbs, { name: 'help', summary: 'show the help of a verb', flags: [], choices: verbs.map(({ name }) => name) }]
}

const flagOf = ({ long, short, required, optional, variadic, argChoices, description, flags }: Option): Flag => ({
  long: long ?? '',
  short,
  takes: !required && !optional ? 'nothing' : /<(?:dir|file|model|path)>/.test(flags) ? 'file' : 'value',
  choices: argChoices ?? [],
  repeatable: variadic || description.includes('repeatable'),
  doc: description,
})

const words = (flags: readonly Flag[]): string => flags.flatMap(({ short, long }) => [...(short ? [short] : []), long]).join(' ')

function bash(verbs: readonly VerbFlags[]): string {
  const patterns = (name: string, chosen: readonly Flag[]) =>
    chosen.flatMap(({ short, long }) => [long, ...(short ? [short] : [])]).map(flag => `'${name} ${flag}'`)
  const values = verbs.flatMap(({ name, flags }) => {
    const chosen = flags.flatMap(flag =>
      flag.choices.length > 0
        ? [`    ${patterns(name, [flag]).join('|')}) COMPREPLY=($(compgen -W '${flag.choices.join(' ')}' -- "$cur")); return ;;`]
        : [],
    )
    // Nothing of ours: the shell completes files.
    const free = patterns(
      name,
      flags.filter(({ takes, choices }) => takes !== 'nothing' && choices.length === 0),
    )
    return [...chosen, ...(free.length > 0 ? [`    ${free.join('|')}) return ;;`] : [])]
  })
  const own = verbs.map(({ name, flags, choices }) => `    ${name}) flags='${words(flags)}'; arguments='${choices.join(' ')}' ;;`)
  return `# bash completion of silane; made by \`silane completion bash\`
_silane() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" verb='' flags='' arguments='' i
  # The shell cuts --flag=value at the sign.
  if [[ $cur == '=' ]]; then cur=''
  elif [[ $prev == '=' ]]; then prev="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} != -* ]]; then verb="\${COMP_WORDS[i]}"; break; fi
  done
  if [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W '${verbs.map(({ name }) => name).join(' ')} --version --help' -- "$cur"))
    return
  fi
  case "$verb $prev" in
${values.join('\n')}
  esac
  case "$verb" in
${own.join('\n')}
  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $arguments ]]; then COMPREPLY=($(compgen -W "$arguments" -- "$cur"))
  fi
}
complete -o bashdefault -o default -F _silane silane
`
}

/** In single quotes, where brackets and colons end a text of zsh's. */
const quoted = (text: string, special: RegExp = /[[\]:\\]/g): string => text.replace(special, '\\$&').replaceAll("'", "'\\''")

function zsh(verbs: readonly VerbFlags[]): string {
  const value = ({ takes, choices }: Flag) =>
    takes === 'nothing' ? '' : `:value:${choices.length > 0 ? `(${choices.join(' ')})` : takes === 'file' ? '_files' : ''}`
  const spec = (flag: Flag) => {
    const { short, long, repeatable, doc } = flag
    const rest = `[${quoted(doc)}]${value(flag)}`
    const star = repeatable ? '*' : ''
    if (!short) return `'${star}${long}${rest}'`
    return `'${repeatable ? star : `(${short} ${long})`}'{${short},${long}}'${rest}'`
  }
  const argument = (choices: readonly string[]) => (choices.length > 0 ? `'1:argument:(${choices.join(' ')})'` : `'*:file:_files'`)
  return `#compdef silane
# zsh completion of silane; made by \`silane completion zsh\`
_silane() {
  local -a verbs
  verbs=(
${verbs.map(({ name, summary }) => `    '${name}:${quoted(summary, /\\/g)}'`).join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  ((CURRENT--))
  case $verb in
${verbs.map(({ name, flags, choices }) => `    ${name}) _arguments ${[...flags.map(spec), argument(choices)].join(' \\\n      ')} ;;`).join('\n')}
  esac
}
if [[ $funcstack[1] == _silane ]]; then _silane "$@"; else compdef _silane silane; fi
`
}

function fish(verbs: readonly VerbFlags[]): string {
  const text = (doc: string) => `'${doc.replace(/['\\]/g, '\\$&')}'`
  const of = (name: string) => `complete -c silane -n '__fish_seen_subcommand_from ${name}'`
  const lines = verbs.flatMap(({ name, summary, flags, choices }) => [
    `complete -c silane -n __fish_use_subcommand -f -a ${name} -d ${text(summary)}`,
    ...(choices.length > 0 ? [`${of(name)} -f -a '${choices.join(' ')}'`] : []),
    ...flags.map(({ short, long, takes, choices: values, doc }) => {
      const kind = takes === 'nothing' ? '' : values.length > 0 ? ` -x -a '${values.join(' ')}'` : takes === 'file' ? ' -r -F' : ' -x'
      return `${of(name)} -l ${long.slice(2)}${short ? ` -s ${short.slice(1)}` : ''}${kind} -d ${text(doc)}`
    }),
  ])
  return `# fish completion of silane; made by \`silane completion fish\`\n${lines.join('\n')}\n`
}

const scripts: Readonly<Record<Shell, (verbs: readonly VerbFlags[]) => string>> = { bash, zsh, fish }
