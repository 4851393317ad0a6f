import { existsSync } from 'node:fs'
import { checkPackage, type Finding } from '@silane/coreml'
import { errors } from './errors.ts'

export interface Verification {
  readonly path: string
  /** False where a finding is an error. */
  readonly ok: boolean
  readonly findings: readonly Finding[]
}

/** Checks packages, whoever wrote them: format, names, types, weights. */
export async function verify(paths: readonly string[]): Promise<readonly Verification[]> {
  const results: Verification[] = []
  for (const path of paths) {
    if (!existsSync(path)) throw errors.E_USAGE({ problem: `There is no ${path}.`, next: 'Give the paths of .mlpackage folders.' })
    const findings = await checkPackage(path)
    results.push({ path, ok: findings.every(({ severity }) => severity !== 'error'), findings })
  }
  return results
}
