/** The lines of a piece of Swift that is written as it will stand. */
export const linesOf = (code: string): string[] => code.replace(/^\n|\n\s*$/g, '').split('\n')
