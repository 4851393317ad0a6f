import { type Verification, verify } from '../verify.ts'
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
  const [say, stream] = flags.json ? [terminal.note, process.stderr] : [terminal.result, process.stdout]
  for (const { path, verdict, findings } of results) {
    const [color, word] = verdicts[verdict]
    say(`${style(color, word, stream)} ${path}`)
    const kinds = [...folded(findings)]
    for (const [text, { count, first }] of kinds.slice(0, MAX_PRINTED)) {
      const place = first === undefined ? '' : ` (${count > 1 ? 'first in ' : ''}${cut(first)})`
      say(`  ${cut(text)}${count > 1 ? ` ${count} times` : ''}${place}`)
    }
    const left = kinds.slice(MAX_PRINTED).reduce((sum, [, { count }]) => sum + count, 0)
    if (left > 0) say(`  and ${left} more; --json lists them`)
  }
  const has = (kind: keyof typeof verdicts) => results.some(({ verdict }) => verdict === kind)
  if (has('broken')) return 1
  return has('unsupported') ? 2 : 0
}

/** Findings that differ in nothing but their place, once: how many there are, and where the first one is. */
function folded(findings: Verification['findings']): ReadonlyMap<string, { readonly count: number; readonly first: string | undefined }> {
  const found = new Map<string, { count: number; first: string | undefined }>()
  for (const { severity, code, what, where } of findings) {
    const text = `${severity} ${code} ${what}`
    const known = found.get(text)
    if (known) known.count++
    else found.set(text, { count: 1, first: where })
  }
  return found
}
