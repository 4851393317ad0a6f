import { homedir } from 'node:os'
import { resolve } from 'node:path'

/**
 * The paths among the arguments of a command line that is not parsed yet. Every word may name a checkpoint, except what follows
 * `--plugin`: one too many keeps a folder from being searched for code, one too few runs a stranger's.
 */
export const namedFolders = (argv: readonly string[], cwd: string): readonly string[] =>
  argv
    .filter((word, i) => word !== '' && argv[i - 1] !== '--plugin' && !word.startsWith('--plugin='))
    .map(word => resolve(cwd, word.replace(/^--[\w-]+=/, '').replace(/^~(?=\/|$)/, homedir())))
