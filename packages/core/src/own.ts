/**
 * What a record has under a name, as its own. Names of programs, tensors, things and classes are out of files, and `constructor` or
 * `toString` is then a name like any other: an index would find what every object has by its prototype.
 */
export const own = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined
