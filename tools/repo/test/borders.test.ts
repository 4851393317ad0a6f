import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

// What is printed and what is read pass one place each, which spells out control characters and holds bounds (docs/security.md).

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Where a pattern occurs in the code of files, comments left out: `file:line`. */
function occurrences(globs: readonly string[], pattern: RegExp): string[] {
  const files = globSync([...globs], { cwd: root }).map(file => file.replaceAll('\\', '/'))
  return files.sort().flatMap(file =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, i) => (!/^\s*(?:\/\/|\/?\*)/.test(line) && pattern.test(line) ? [`${file}:${i + 1}`] : [])),
  )
}

const fileOf = (place: string): string => place.replace(/:\d+$/, '')

describe('the command line prints by way of terminal.ts', () => {
  const printing = /\bconsole\.|\bprocess\.(?:stdout|stderr)\.(?:write|end)\b|\b(?:stdout|stderr)\.write\(/
  /** Why a file may write all the same. */
  const allowed: Readonly<Record<string, string>> = {
    'packages/silane/src/cli/terminal.ts': 'is that place',
    'packages/silane/src/plugins/run-plugin.ts': 'sends what a plugin prints to stderr while it runs',
  }

  it('nothing else in packages/silane/src does', () => {
    expect(occurrences(['packages/silane/src/**/*.ts'], printing).filter(place => !(fileOf(place) in allowed))).toEqual([])
  })

  it('nor does a library, or a plugin', () => {
    const globs = ['packages/{core,checkpoint,coreml,documents,images,onnx,runtime}/src/**/*.ts', 'plugins/*/src/**/*.ts']
    expect(occurrences(globs, printing)).toEqual([])
  })
})

describe('JSON of strangers is read by way of readJsonFile and parseJson', () => {
  /** Why a file may parse all the same. Who adds to these says what bounds the size and who checks the value. */
  const allowed: Readonly<Record<string, string>> = {
    'packages/core/src/parse-json.ts': 'is that place',
    'packages/create-silane-plugin/src/create-plugin.ts': 'package.json of our own template',
    'packages/create-silane-plugin/src/index.ts': 'our own package.json',
    'packages/silane/src/cli/read-flags.ts': 'an argument of whoever runs the command',
    'packages/silane/src/plugins/find-package.ts': 'package.json before any code is loaded, bounded; one that is none counts as absent',
    'packages/silane/src/versions.ts': 'our own package.json',
    'packages/testkit/src/check-package.ts': "package.json of the plugin's author",
    'packages/testkit/src/generation-conformance.ts': "fixtures of the plugin's author",
    'packages/testkit/src/hostile-configurations.ts': "fixtures of the plugin's author",
    'packages/testkit/src/packed-plugin.ts': 'what a script of its own printed about the plugin',
    'packages/testkit/src/read-cases.ts': "fixtures of the plugin's author",
  }
  const found = occurrences(['packages/*/src/**/*.ts', 'plugins/*/src/**/*.ts'], /\bJSON\.parse\(/)

  it('elsewhere there is no bare JSON.parse', () => {
    expect(found.filter(place => !(fileOf(place) in allowed))).toEqual([])
  })

  it('every exception is used', () => {
    expect(Object.keys(allowed).filter(file => !found.some(place => fileOf(place) === file))).toEqual([])
  })
})
