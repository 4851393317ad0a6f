/** C0 and C1 but tab and line feed, marks that turn the direction of writing, and the separators that some terminals break lines at. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/**
 * Text of a file or of a person as it may stand on a terminal or a page: what would move the cursor, colour the screen or write
 * backwards is spelled (`\u001b`) instead of done.
 */
export const printable = (text: string): string => text.replace(UNSEEN, spelled)

/** The same in one line, for a cell, a name or a sentence. */
export const inOneLine = (text: string): string => printable(text).replace(/[\n\t]/g, spelled)

const spelled = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
