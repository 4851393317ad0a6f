import { checkGiven, type NameOfFunction } from './check-options.ts'
import { coded, codedSync } from './system-error.ts'

/** A function of the package: what it is given is checked, and its errors all have a code, as far as the operating system is their source. */
export const border = <A extends unknown[], R>(name: NameOfFunction, run: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) =>
  coded(async (...args: A) => {
    checkGiven(name, args)
    return await run(...args)
  })

/** The same for one that gives its result at once. */
export const borderSync = <A extends unknown[], R>(name: NameOfFunction, run: (...args: A) => R): ((...args: A) => R) =>
  codedSync((...args: A) => {
    checkGiven(name, args)
    return run(...args)
  })
