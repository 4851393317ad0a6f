import { isRecord } from './find-package.ts'
import { loadedProblem } from './plugin-shapes.ts'

/** Names of programs and functions become names of files, and of functions in Swift. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/**
 * What is wrong with the shape of what a plugin's load gave; undefined where nothing is. Another copy of the core may have typed the
 * plugin, or none. What the graphs say is the verifier's.
 */
export function modelProblem(model: unknown): string | undefined {
  if (!isRecord(model)) return 'it gave no model'
  const { programs, pipeline, options, modelType } = model
  if (!Array.isArray(programs) || programs.length === 0) return 'it gave no programs'
  for (const program of programs) {
    if (!isRecord(program) || !Array.isArray(program.functions) || program.functions.length === 0) return 'a program has no functions'
    for (const { name } of [program, ...program.functions.filter(isRecord)])
      if (typeof name !== 'string' || !NAME.test(name)) return `a program or function is called ${JSON.stringify(name)}`
  }
  if (!isRecord(pipeline)) return 'it gave no pipeline'
  if (!isRecord(options)) return 'it gave no options'
  return typeof modelType === 'string' ? loadedProblem(model) : 'it gave no modelType'
}
