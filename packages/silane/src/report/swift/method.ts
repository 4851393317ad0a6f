import { argumentLines } from './argument-lines.ts'

/** A parameter of a Swift function. */
export interface Parameter {
  readonly name: string
  readonly type: string
  /** What a caller writes before the value, `_` for nothing; default: the name. */
  readonly label?: string
  /** The value that it has where a caller passes none. */
  readonly default?: string
  /** What it is of a text: the ids of its tokens, or which of two texts each of them belongs to. */
  readonly role?: 'ids' | 'segments'
}

/** A throwing method of a Swift class. */
export interface Method {
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly result: string
}

/** The lines that begin a method, its brace included. */
export const methodHead = ({ name, parameters, result }: Method): string[] =>
  argumentLines(`func ${name}`, parameters.map(declared), ` throws -> ${result} {`)

/** A parameter as a function declares it. */
const declared = ({ label, name, type, default: value }: Parameter): string =>
  `${label === undefined ? name : `${label} ${name}`}: ${type}${value === undefined ? '' : ` = ${value}`}`

/** A value as a call passes it for a parameter. */
export const passed = ({ label, name }: Parameter, value: string): string => (label === '_' ? value : `${label ?? name}: ${value}`)
