import { verify } from '../verify.ts'
import { style, terminal } from './terminal.ts'

/** `silane verify`: exit code 1 where a package has errors. */
export async function verifyCommand(paths: readonly string[], flags: { readonly json?: boolean }): Promise<number> {
  const results = await verify(paths)
  if (flags.json) terminal.document(results)
  for (const { path, ok, findings } of results) {
    terminal.note(`${style(ok ? 'green' : 'red', ok ? 'ok' : 'BROKEN', process.stderr)} ${path}`)
    for (const { severity, code, what, where } of findings) terminal.note(`  ${severity} ${code} ${what}${where ? ` (${where})` : ''}`)
  }
  return results.every(({ ok }) => ok) ? 0 : 1
}
