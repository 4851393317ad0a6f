/** What the operating system answers, in words, and what can be done about it. Source: errno(3). */
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

/** What the file system said, in words. */
export interface SystemAnswer {
  /** `ENOSPC` … */
  readonly code: string
  readonly syscall: string
  /** What it was about; for a file that is open already nothing says so. */
  readonly paths: readonly string[]
  /** `the disk is full` */
  readonly problem: string
  readonly next: string
}

/** Calls of the network. Who makes these says what they mean. */
const NETWORK = /^(?:connect|getaddrinfo|bind|listen|accept|query\w*)$/

/**
 * An error that the file system answered with, in words; undefined for any other. Sources: Node's `error.code`, `error.syscall`,
 * `error.path`, `error.dest`.
 */
export function systemAnswer(error: unknown): SystemAnswer | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined
  const [code, syscall] = [String(error.code), String(error.syscall)]
  if (NETWORK.test(syscall)) return undefined
  const [problem, next] = (Object.hasOwn(ANSWERS, code) ? ANSWERS[code] : undefined) ?? [
    `the system answers ${code}`,
    'Check the path and the disk it is on.',
  ]
  const named = [...('path' in error ? [error.path] : []), ...('dest' in error ? [error.dest] : [])]
  return { code, syscall, paths: named.filter(path => typeof path === 'string'), problem, next }
}
