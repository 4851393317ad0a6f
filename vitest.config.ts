import { existsSync, globSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const globalSetup = (root: string): string => `${import.meta.dirname}/${root}/test/global-setup.ts`

// One project for every workspace package that has tests, named after the package.
const projects = globSync(['packages/*', 'plugins/*', 'tools/*'])
  .filter(root => existsSync(`${root}/package.json`) && existsSync(`${root}/test`))
  .sort()
  .map(root => ({
    extends: true as const,
    test: {
      name: JSON.parse(readFileSync(`${root}/package.json`, 'utf8')).name as string,
      root,
      include: ['test/**/*.test.ts'],
      globalSetup: [globalSetup(root)].filter(file => existsSync(file)),
    },
  }))

export default defineConfig({
  test: {
    projects,
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { provider: 'v8', include: ['**/src/**/*.ts'], exclude: ['**/gen/**'], reportsDirectory: 'coverage' },
  },
})
