/** Bytes that are printable characters of Latin-1 stand for themselves. */
const isPrintable = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae

/** The characters that byte-level vocabularies spell the bytes 0 to 255 with: the others follow one another from U+0100 on. */
export const byteCharacters: readonly string[] = spell()

function spell(): readonly string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++))
}
