/** C0 and C1, marks that turn the direction of writing, and the separators that some terminals break lines at. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Text of a person as it may stand in a line on a terminal: what would move the cursor or write backwards is spelled instead of done. */
export const inOneLine = (text: string): string =>
  text.replace(UNSEEN, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
