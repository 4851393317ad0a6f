import { type DeployedFunction, type DeployedProgram, packageOf } from '../../manifest.ts'
import { identifier } from './identifier.ts'

/** A function of a package, and what Swift calls it. */
export interface Callable {
  readonly program: DeployedProgram
  readonly fn: DeployedFunction
  /** Its struct. `Program` keeps names such as that of `Swift.Encoder` free. */
  readonly type: string
  /** What holds one of these. */
  readonly property: string
}

/** The functions of a program that a package holds, each of which has a struct of its own: they differ in their shapes. */
export function callables(program: DeployedProgram): readonly Callable[] {
  const several = program.functions.length > 1
  return program.functions
    .filter(fn => packageOf(program, fn) !== undefined)
    .map(fn => {
      const property = identifier(several ? `${program.name}_${fn.name}` : program.name)
      return { program, fn, property, type: `${property.charAt(0).toUpperCase()}${property.slice(1)}Program` }
    })
}
