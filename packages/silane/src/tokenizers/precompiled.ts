/** A double array of units, each 4 bytes: an automaton that reads the bytes of a text (Darts). */
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1
const targetOf = (unit: number): number => unit & 0x7fffffff
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & (1 << 9)) >>> 6)

/** The most bytes that a character may become. In Unicode's compatibility forms 33 are the most, of a ligature of four Arabic words. */
export const MOST_BYTES = 64

/** Bytes of a grapheme that is looked up as a whole. */
const SHORT = 6

/**
 * SentencePiece's table of characters (`precompiled_charsmap`): the size of an automaton, the automaton, and the texts that it leads to, each
 * ended by a zero. The library has none of it. Of a grapheme the original looks up the shortest beginning that is in the table, and puts
 * what that becomes in place of all of it (`spm_precompiled`); silane does the same.
 */
export function precompiled(charsmap: string): (text: string) => string {
  const bytes = Buffer.from(charsmap, 'base64')
  const size = bytes.readUInt32LE(0)
  const units = Uint32Array.from({ length: size / 4 }, (_, at) => bytes.readUInt32LE(4 + 4 * at))
  const texts = bytes.subarray(4 + size)
  const encoder = new TextEncoder()
  const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

  const lookUp = (key: Uint8Array): string | undefined => {
    let at = offsetOf(units[0] ?? 0)
    for (const byte of key) {
      if (byte === 0) return undefined
      const unit = units[at ^ byte] ?? 0
      if (labelOf(unit) !== byte) return undefined
      at = at ^ byte ^ offsetOf(unit)
      if (!hasLeaf(unit)) continue
      const start = targetOf(units[at] ?? 0)
      const end = texts.indexOf(0, start)
      if (end - start > MOST_BYTES) throw new Error(`a character would become ${end - start} bytes; the limit is ${MOST_BYTES}`)
      return texts.toString('utf8', start, Math.max(start, end))
    }
    return undefined
  }
  const become = (grapheme: string): string => {
    const key = encoder.encode(grapheme)
    const whole = key.length < SHORT ? lookUp(key) : undefined
    return whole ?? Array.from(grapheme, character => lookUp(encoder.encode(character)) ?? character).join('')
  }
  return text => Array.from(graphemes.segment(text), ({ segment }) => become(segment)).join('')
}
