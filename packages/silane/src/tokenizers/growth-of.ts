import { isJsonObject, type Json } from '@silane/core'
import { MOST_BYTES } from './precompiled.ts'

/**
 * How many times as long a text may become under the replacements of a tokenizer.json's normalizer, one after the other: each puts
 * `content` in the place of a pattern, which is a text, or an expression that may match a single character or nothing. A table of characters
 * counts as the most that one may become.
 */
export function growthOf(normalizer: Json | undefined): number {
  if (!isJsonObject(normalizer)) return 1
  const { type, normalizers, pattern, content } = normalizer
  if (type === 'Sequence' && Array.isArray(normalizers)) return normalizers.reduce((all: number, each: Json) => all * growthOf(each), 1)
  if (type === 'Precompiled') return MOST_BYTES
  if (type !== 'Replace' || typeof content !== 'string') return 1
  const replaced = isJsonObject(pattern) && typeof pattern.String === 'string' ? pattern.String.length : 0
  return Math.max(1, replaced === 0 ? content.length + 1 : content.length / replaced)
}
