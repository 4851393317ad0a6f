import { readFileSync, statSync } from 'node:fs'
import type { Checkpoint } from '@silane/core'

/** The largest vocabularies in use have 5 MB. */
const MAX_BYTES = 16_000_000

/** The most tokens of a vocabulary, and the most merges. The largest vocabularies in use have 900,000; each of these takes 500 bytes at most. */
export const MAX_ENTRIES = 2_000_000

/** Bytes of a line. Tokens are words and parts of them, of which the longest, spaces in a row, have some hundred bytes. */
const MAX_LINE_BYTES = 8192

/** A text of the checkpoint, as Python reads it: line ends of every system are one. `refuse` makes the error of a problem. */
export function readTextFile(checkpoint: Checkpoint, file: string, refuse: (problem: string, cause?: unknown) => Error): string {
  const path = checkpoint.path(file)
  const { size } = statSync(path)
  if (size > MAX_BYTES) throw refuse(`it has ${size} bytes, and ${MAX_BYTES} are the most`)
  const bytes = readFileSync(path)
  checkLines(bytes, refuse)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).replaceAll(/\r\n?/g, '\n')
  } catch (cause) {
    throw refuse('the text is not UTF-8', cause)
  }
}

/** Holds lines against their bounds before they are texts, each of which takes many times its bytes. */
function checkLines(bytes: Uint8Array, refuse: (problem: string) => Error): void {
  let lines = 1
  let start = 0
  for (let at = 0; at <= bytes.length; at++) {
    const byte = bytes[at]
    if (byte !== undefined && byte !== 0x0a && byte !== 0x0d) continue
    if (at - start > MAX_LINE_BYTES) throw refuse(`line ${lines} has ${at - start} bytes, and ${MAX_LINE_BYTES} are the most`)
    if (byte === undefined) break
    if (byte === 0x0d && bytes[at + 1] === 0x0a) at++
    start = at + 1
    // What follows the last line's end is no line.
    if (start < bytes.length && ++lines > MAX_ENTRIES) throw refuse(`it has more than ${MAX_ENTRIES} lines`)
  }
}
