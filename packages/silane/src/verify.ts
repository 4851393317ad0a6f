import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkPackage, type Finding } from '@silane/coreml'
import { errors } from './errors.ts'
import { folderProgram } from './folder-program.ts'
import { isConverted, packageOf, readManifest } from './manifest.ts'

export interface Verification {
  /** Of the package. */
  readonly path: string
  /** Broken where a finding is an error; unsupported where what is there may be right, and cannot be checked to its end. */
  readonly verdict: 'ok' | 'unsupported' | 'broken'
  readonly ok: boolean
  readonly findings: readonly Finding[]
}

/**
 * Checks packages, whoever wrote them: format, names, types, weights. A converted folder stands for the packages that its manifest
 * names. Throws E_USAGE for a path where nothing is, and for a folder without packages; E_FILE_LINK where a package lies elsewhere.
 */
export async function verify(paths: readonly string[]): Promise<readonly Verification[]> {
  const results: Verification[] = []
  for (const path of paths.flatMap(packagesAt)) {
    const findings = await checkPackage(path)
    const verdict = verdictOf(findings)
    results.push({ path, verdict, ok: verdict === 'ok', findings })
  }
  return results
}

function packagesAt(path: string): readonly string[] {
  const next = 'Give the paths of .mlpackage folders, or of folders that `silane convert` wrote.'
  if (!existsSync(path)) throw errors.E_USAGE({ problem: `There is no ${path}.`, next })
  if (!isConverted(path)) return [path]
  const { programs } = readManifest(path)
  const packages = programs.flatMap(program => program.functions.flatMap(fn => packageOf(program, fn)?.path ?? []))
  if (packages.length === 0) throw errors.E_USAGE({ problem: `${path} was converted without packages.`, next })
  // What is not there is a finding of its check.
  return [...new Set(packages)].map(name => (existsSync(join(path, name)) ? folderProgram(path, name, 'package') : join(path, name)))
}

const verdictOf = (findings: readonly Finding[]): Verification['verdict'] => {
  const has = (kind: Finding['severity']) => findings.some(({ severity }) => severity === kind)
  if (has('error')) return 'broken'
  return has('unsupported') ? 'unsupported' : 'ok'
}
