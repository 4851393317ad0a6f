// Classes of characters as the original's regular expressions have them, to be put between brackets. JavaScript's `\w` and `\d` are ASCII
// alone, and its `\s` has U+FEFF and lacks U+0085.
export const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}'
export const SPACE = '\\p{White_Space}'
export const PUNCTUATION = '\\p{P}!-\\/:-@\\[-`\\{-~'

const space = new RegExp(`[${SPACE}]`, 'u')

/** Where the spaces that follow a place end. All spaces are one unit long. */
export function spacesAfter(text: string, from: number): number {
  let at = from
  while (at < text.length && space.test(text.charAt(at))) at++
  return at
}

/** Where the spaces that stand before a place begin. */
export function spacesBefore(text: string, to: number): number {
  let at = to
  while (at > 0 && space.test(text.charAt(at - 1))) at--
  return at
}

/** One by one: a sigma at the end of a word is like any other. */
export const lowerCase = (text: string): string => Array.from(text, character => character.toLowerCase()).join('')
