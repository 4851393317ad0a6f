import { styleText } from 'node:util'
import { verify } from '../verify.ts'

/** `silane verify`: exit code 1 where a package has errors. */
export async function verifyCommand(paths: readonly string[], flags: { readonly json?: boolean }): Promise<number> {
  const results = await verify(paths)
  if (flags.json) console.log(JSON.stringify(results, undefined, 2))
  for (const { path, ok, findings } of results) {
    console.error(`${styleText(ok ? 'green' : 'red', ok ? 'ok' : 'BROKEN', { stream: process.stderr })} ${path}`)
    for (const { severity, code, what, where } of findings) console.error(`  ${severity} ${code} ${what}${where ? ` (${where})` : ''}`)
  }
  return results.every(({ ok }) => ok) ? 0 : 1
}
