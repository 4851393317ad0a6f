/** Longer names are not portable, and none occurs. */
const MAX_NAME = 512

/**
 * Whether a name out of a file stays inside the folder it is joined to: relative, with forward slashes, without empty,
 * `.` and `..` parts. Only the text counts. What a link of that name points to does not: the hub's cache consists of links.
 */
export const inside = (name: string): boolean =>
  name.length <= MAX_NAME &&
  // Half a character is in no name on a disk, nor in an address.
  name.isWellFormed() &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL would end the name for the system; a drive letter or a backslash leads out on Windows
  !/[\0-\x1f\\]|^[a-zA-Z]:/.test(name) &&
  name.split('/').every(part => part !== '' && part !== '.' && part !== '..')
