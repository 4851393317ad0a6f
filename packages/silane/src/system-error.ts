import { tmpdir } from 'node:os'
import { relative } from 'node:path'
import { isSilaneError, type SystemAnswer, systemAnswer } from '@silane/core'
import { errors } from './errors.ts'

/** What the file system said, where that is all an error says, or where a writer's own error was caused by it. */
export const causingAnswer = (error: unknown): SystemAnswer | undefined =>
  systemAnswer(error) ?? (isSilaneError(error) ? systemAnswer(error.cause) : undefined)

/**
 * An error of the operating system as one with a code, which says what was to be read or written; any other error as it is, but for
 * one about this process's own folder for temporary files, which nobody has named.
 */
export function systemError(error: unknown): unknown {
  const temporary = temporaryError(error)
  if (temporary !== undefined) return temporary
  if (isSilaneError(error) || !(error instanceof Error)) return error
  if (isOfName(error))
    return errors.E_SYSTEM(
      {
        what: 'A name',
        problem: 'it has characters that no path or address can have',
        next: 'Check the names that are given, and those in files.',
      },
      { cause: error },
    )
  const answer = systemAnswer(error)
  if (answer === undefined) return 'syscall' in error && 'code' in error ? unreached(error) : error
  const { syscall, paths, problem, next } = answer
  if (syscall === 'uv_cwd')
    return errors.E_SYSTEM(
      { what: 'The working directory', problem: 'it has been removed', next: 'Change to another one.' },
      { cause: error },
    )
  const [path] = paths
  return errors.E_SYSTEM({ what: path ?? `Reading or writing a file failed (${syscall})`, problem, next }, { cause: error })
}

/** What Node says before it asks the system: of a path with a NUL, or of half a character in an address. */
const isOfName = (error: Error): boolean =>
  error instanceof URIError || ('code' in error && error.code === 'ERR_INVALID_ARG_VALUE' && error.message.includes('without null bytes'))

/** A call of the network that nobody has explained. */
const unreached = (error: Error & { code: unknown; syscall: unknown }): Error =>
  errors.E_SYSTEM(
    {
      what: `A connection failed (${String(error.syscall)})`,
      problem: `the system answers ${String(error.code)}`,
      next: 'Check the network, or use --offline.',
    },
    { cause: error },
  )

/** Folders that `mkdtemp` makes for us. A person may have named another one in the same place. */
const OWN = /^silane-\w{6}(?:[/\\]|$)/

function temporaryError(error: unknown): Error | undefined {
  const answer = causingAnswer(error)
  if (answer === undefined) return undefined
  const where = isSilaneError(error) && error.where !== undefined ? [error.where] : []
  const own = [...answer.paths, ...where].find(path => OWN.test(relative(tmpdir(), path)))
  if (own === undefined) return undefined
  return errors.E_TEMPORARY({ folder: tmpdir(), problem: answer.problem }, { cause: error })
}

/** A function whose errors all have a code, as far as the operating system is their source. */
export const coded =
  <A extends unknown[], R>(run: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) =>
  async (...args) => {
    try {
      return await run(...args)
    } catch (error) {
      throw systemError(error)
    }
  }

/** The same for one that gives its result at once. */
export const codedSync =
  <A extends unknown[], R>(run: (...args: A) => R): ((...args: A) => R) =>
  (...args) => {
    try {
      return run(...args)
    } catch (error) {
      throw systemError(error)
    }
  }
