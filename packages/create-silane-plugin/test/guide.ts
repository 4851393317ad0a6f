import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const guide = fileURLToPath(new URL('../../../docs/guides/write-a-plugin.md', import.meta.url))

/** A step of a page: a file to write, or lines of shell to run as the author or as a user, or where there is Python. */
export type Step =
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  | { readonly kind: 'author' | 'user' | 'python'; readonly lines: readonly string[] }

/** The steps of the page in its order: blocks with `file=…`, and those of shell. Blocks of other languages show something. */
export function stepsOf(text: string): readonly Step[] {
  return [...text.matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, language, info = '', body = '']): readonly Step[] => {
    const path = /^file=(\S+)$/.exec(info)?.[1]
    if (path !== undefined) return [{ kind: 'file', path, text: body }]
    if (language !== 'sh') return []
    if (!['', 'user', 'python'].includes(info)) throw new Error(`"sh ${info}": nobody runs it`)
    const lines = body.split('\n').filter(line => line.trim() !== '')
    return [{ kind: info === '' ? 'author' : (info as 'user' | 'python'), lines }]
  })
}

export const steps = stepsOf(readFileSync(guide, 'utf8'))
