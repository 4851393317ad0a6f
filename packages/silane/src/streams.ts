/** A text, and the descriptor that it is for. */
export interface Piece {
  readonly fd: 1 | 2
  readonly text: string
}

/** Writes to stdout where it is held. */
let own: ((text: string) => unknown) | undefined

/** What is written meanwhile, where it is wanted as text. */
let caught: Piece[] | undefined

let used = false

/**
 * The streams of the command line, whose stdout holds one result. Plugins print too, from timers that outlast their calls, so that no
 * call's end is the moment to give it back.
 */
export const streams = {
  write(stream: NodeJS.WriteStream, text: string): void {
    const isResult = stream === process.stdout
    if (caught) caught.push({ fd: isResult ? 1 : 2, text })
    else if (isResult) {
      used = true
      if (own) own(text)
      else stream.write(text)
    } else stream.write(text)
  },

  /** From now on nothing else writes to stdout: it goes to stderr, and who ends stdout ends nothing. */
  hold(): void {
    if (own) return
    const { stdout, stderr } = process
    own = stdout.write.bind(stdout)
    const others = { write: stderr.write.bind(stderr), end: () => stdout }
    for (const [name, value] of Object.entries(others)) Object.defineProperty(stdout, name, { configurable: true, writable: true, value })
  },

  /** Whether a result, or a part of one, was written since `begin`. */
  get used(): boolean {
    return used
  },

  /** A command begins, which has written nothing. */
  begin(): void {
    used = false
  },

  /** What would be written by a function. */
  pieces(write: () => void): readonly Piece[] {
    const before = caught
    const pieces: Piece[] = []
    caught = pieces
    try {
      write()
    } finally {
      caught = before
    }
    return pieces
  },
} as const
