import { verify } from '../verify.ts'
import { style, terminal } from './terminal.ts'

const verdicts = { ok: ['green', 'ok'], unsupported: ['yellow', 'NOT SUPPORTED'], broken: ['red', 'BROKEN'] } as const

/** Findings of a package that are printed, and characters of each: names stand in them, and what a file calls itself may be long. */
const MAX_PRINTED = 50
const MAX_CHARACTERS = 400

const cut = (text: string): string => (text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text)

/** `silane verify`: exit code 1 where a package has errors, else 2 where one has something that is not supported. */
export async function verifyCommand(paths: readonly string[], flags: { readonly json?: boolean }): Promise<number> {
  const results = await verify(paths)
  if (flags.json) terminal.document(results)
  for (const { path, verdict, findings } of results) {
    const [color, word] = verdicts[verdict]
    terminal.note(`${style(color, word, process.stderr)} ${path}`)
    for (const { severity, code, what, where } of findings.slice(0, MAX_PRINTED))
      terminal.note(`  ${severity} ${code} ${cut(what)}${where ? ` (${cut(where)})` : ''}`)
    const left = findings.length - MAX_PRINTED
    if (left > 0) terminal.note(`  and ${left} more; --json lists them`)
  }
  const has = (kind: keyof typeof verdicts) => results.some(({ verdict }) => verdict === kind)
  if (has('broken')) return 1
  return has('unsupported') ? 2 : 0
}
