export interface Parameter {
  readonly label: string
  readonly name: string
  readonly type: string
  /** A default with its sign of equality, or nothing. */
  readonly rest: string
}

/** A method of the class that an app begins with. */
export interface Method {
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly result: string
}

/** The class that an app begins with. */
export const ownerOf = (code: readonly string[]): string | undefined =>
  code.map(line => /^final class (\w+)/.exec(line)?.[1]).find(found => found !== undefined)

/**
 * The methods of that class, as they were written: what is said about a file, and the overloads for texts, go by the same lines that a
 * compiler reads. Parameters stand on the line of the name, or below it.
 */
export function methodsIn(code: readonly string[]): readonly Method[] {
  const found = code.join('\n').matchAll(/^ {2}func (\w+)\(\s*([^{]*?)\s*\) throws -> (.*) \{$/gm)
  return [...found].map(([, name = '', list = '', result = '']) => ({ name, result, parameters: parametersIn(list) }))
}

const parametersIn = (list: string): readonly Parameter[] =>
  list.split(/,\s+(?=\w+(?: \w+)?: )/).flatMap(text => {
    const [, label = '', own = label, type = '', rest = ''] = /^(\w+)(?: (\w+))?: ([^=]*?)( = .*)?$/.exec(text) ?? []
    return label === '' ? [] : [{ label, name: own, type, rest }]
  })
