/** The name of a program, a tensor or a thing as Swift writes names. */
export const identifier = (name: string): string => name.replace(/[^A-Za-z0-9]+(\w)/g, (_, letter: string) => letter.toUpperCase())
