import { verify } from '../verify.ts'
import { style, terminal } from './terminal.ts'

const verdicts = { ok: ['green', 'ok'], unsupported: ['yellow', 'NOT SUPPORTED'], broken: ['red', 'BROKEN'] } as const

/** `silane verify`: exit code 1 where a package has errors, else 2 where one has something that is not supported. */
export async function verifyCommand(paths: readonly string[], flags: { readonly json?: boolean }): Promise<number> {
  const results = await verify(paths)
  if (flags.json) terminal.document(results)
  for (const { path, verdict, findings } of results) {
    const [color, word] = verdicts[verdict]
    terminal.note(`${style(color, word, process.stderr)} ${path}`)
    for (const { severity, code, what, where } of findings) terminal.note(`  ${severity} ${code} ${what}${where ? ` (${where})` : ''}`)
  }
  const has = (kind: keyof typeof verdicts) => results.some(({ verdict }) => verdict === kind)
  if (has('broken')) return 1
  return has('unsupported') ? 2 : 0
}
