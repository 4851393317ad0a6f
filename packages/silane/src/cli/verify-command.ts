import { styleText } from 'node:util'
import { verify } from '../verify.ts'

const verdicts = { ok: ['green', 'ok'], unsupported: ['yellow', 'NOT SUPPORTED'], broken: ['red', 'BROKEN'] } as const

/** `silane verify`: exit code 1 where a package has errors, else 2 where one has something that is not supported. */
export async function verifyCommand(paths: readonly string[], flags: { readonly json?: boolean }): Promise<number> {
  const results = await verify(paths)
  if (flags.json) console.log(JSON.stringify(results, undefined, 2))
  for (const { path, verdict, findings } of results) {
    const [color, word] = verdicts[verdict]
    console.error(`${styleText(color, word, { stream: process.stderr })} ${path}`)
    for (const { severity, code, what, where } of findings) console.error(`  ${severity} ${code} ${what}${where ? ` (${where})` : ''}`)
  }
  const has = (kind: keyof typeof verdicts) => results.some(({ verdict }) => verdict === kind)
  if (has('broken')) return 1
  return has('unsupported') ? 2 : 0
}
