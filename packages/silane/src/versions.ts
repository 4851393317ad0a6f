import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { resolve } = createRequire(import.meta.url)

const versionIn = (file: string): string => {
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }
  return version
}

/** The versions of this package and of the core it runs on. */
export const versions = {
  silane: versionIn(resolve('../package.json')),
  core: versionIn(resolve('@silane/core/package.json')),
} as const
