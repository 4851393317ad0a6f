import { tmpdir } from 'node:os'
import { relative } from 'node:path'
import { isSilaneError } from '@silane/core'
import { errors } from './errors.ts'

/** What the operating system answers, in words, and what can be done about it. */
const ANSWERS: Readonly<Record<string, readonly [problem: string, next: string]>> = {
  ENOSPC: ['the disk is full', 'Free some space, or choose another place.'],
  EDQUOT: ['the quota of this user is used up', 'Free some space, or choose another place.'],
  EFBIG: ['the file is larger than the disk or the limits of this user allow', 'Choose another place, or raise `ulimit -f`.'],
  EROFS: ['the disk can only be read', 'Choose another place.'],
  EACCES: ['permission is denied', 'Check the permissions of the file and of the folders above it.'],
  EPERM: ['permission is denied', 'Check the permissions of the file and of the folders above it.'],
  ENOENT: ['there is no such file or folder', 'Check the path, and that nothing removes it meanwhile.'],
  ENOTDIR: ['a part of the path is no folder', 'Check the path.'],
  EISDIR: ['it is a folder', 'Check the path.'],
  ENAMETOOLONG: ['the name is too long', 'Check the path.'],
  ELOOP: ['its links lead in a circle', 'Check the links.'],
  EMFILE: ['too many files are open', 'Raise `ulimit -n`.'],
  ENFILE: ['too many files are open', 'Close other programs.'],
  EBUSY: ['it is in use', 'Close the program that uses it.'],
  EIO: ['the disk reports a fault', 'Check the disk.'],
  ENOTEMPTY: ['the folder is not empty', 'Check that nothing else writes there.'],
}

/**
 * An error of the operating system as one with a code, which says what was to be read or written; any other error as it is. Sources:
 * `errno(3)`, and Node's `error.code`, `error.syscall`, `error.path`, `error.dest`.
 */
export function systemError(error: unknown): unknown {
  if (isSilaneError(error) || !(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  const code = String(error.code)
  const [problem, next] = ANSWERS[code] ?? [`the system answers ${code}`, 'Check the path and the disk it is on.']
  if (error.syscall === 'uv_cwd')
    return errors.E_SYSTEM(
      { what: 'The working directory', problem: 'it has been removed', next: 'Change to another one.' },
      { cause: error },
    )
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined
  return errors.E_SYSTEM(
    { what: path === undefined ? `Reading or writing a file failed (${String(error.syscall)})` : placed(path), problem, next },
    { cause: error },
  )
}

/** The path, with the role of its folder where the person did not name it. */
function placed(path: string): string {
  const within = relative(tmpdir(), path)
  return within.startsWith('..') ? path : `${path}, in the folder for temporary files (TMPDIR)`
}
