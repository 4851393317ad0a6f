/** The network could not be reached; thrown apart from answers, since a cached copy may do instead. */
export class Unreachable extends Error {}
