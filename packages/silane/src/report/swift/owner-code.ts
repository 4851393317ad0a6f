import type { Callable } from './callable.ts'

/** The properties of a class that holds programs, and its init. */
export const ownerCode = (functions: readonly Callable[]): string[] => [
  ...functions.map(({ property, type }) => `let ${property}: ${type}`),
  '',
  'init() throws {',
  ...functions.map(({ property, type }) => `  ${property} = try ${type}()`),
  '}',
]
