import { existsSync } from 'node:fs'
import { checkPackage, type Finding } from '@silane/coreml'
import { errors } from './errors.ts'

export interface Verification {
  readonly path: string
  /** Broken where a finding is an error; unsupported where what is there may be right, and cannot be checked to its end. */
  readonly verdict: 'ok' | 'unsupported' | 'broken'
  readonly ok: boolean
  readonly findings: readonly Finding[]
}

/** Checks packages, whoever wrote them: format, names, types, weights. */
export async function verify(paths: readonly string[]): Promise<readonly Verification[]> {
  const results: Verification[] = []
  for (const path of paths) {
    if (!existsSync(path)) throw errors.E_USAGE({ problem: `There is no ${path}.`, next: 'Give the paths of .mlpackage folders.' })
    const findings = await checkPackage(path)
    const verdict = verdictOf(findings)
    results.push({ path, verdict, ok: verdict === 'ok', findings })
  }
  return results
}

const verdictOf = (findings: readonly Finding[]): Verification['verdict'] => {
  const has = (kind: Finding['severity']) => findings.some(({ severity }) => severity === kind)
  if (has('error')) return 'broken'
  return has('unsupported') ? 'unsupported' : 'ok'
}
