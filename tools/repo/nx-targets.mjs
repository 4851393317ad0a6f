import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Gives every package of the workspace its tasks, by what it has: a check of types where there is a tsconfig.check.json, tests where
 * there is a folder `test`, a build and the check of the package where it is published. What they run stands in nx.json.
 */
export const createNodesV2 = [
  '{packages,plugins,tools}/*/package.json',
  (files, _options, { workspaceRoot }) =>
    files.map(file => {
      const root = dirname(file)
      const has = name => existsSync(join(workspaceRoot, root, name))
      const published = !root.startsWith('tools')
      const names = [
        'lint',
        ...(has('tsconfig.check.json') ? ['typecheck'] : []),
        ...(has('test') ? ['test'] : []),
        ...(published ? ['build', 'package-lint'] : []),
      ]
      // Tests against a registry see what every package packs: no list of files tells when they are stale. (nx.json would win over this.)
      const targets = { test: { cache: !has('test/global-setup.ts') } }
      return [file, { projects: { [root]: { targets: Object.fromEntries(names.map(name => [name, targets[name] ?? {}])) } } }]
    }),
]
