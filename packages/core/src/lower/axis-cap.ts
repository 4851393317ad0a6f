/** What one axis of an ANE tensor holds through the A16 and M3. */
export const AXIS_CAP = 16384

/** A length in as few nearly equal parts as keep each within `most`; all but the last are multiples of 32 where that fits, which fp16 rows of 64 bytes are. */
export function evenParts(length: number, most: number): readonly number[] {
  const count = Math.ceil(length / most)
  const even = Math.ceil(length / count)
  const wide = Math.ceil(even / 32) * 32
  const part = wide <= most && count > 1 ? wide : even
  return Array.from({ length: Math.ceil(length / part) }, (_, i) => Math.min(part, length - i * part))
}
