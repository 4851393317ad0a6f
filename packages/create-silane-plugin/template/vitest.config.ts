import { defineConfig } from 'vitest/config'

// Every fixture is converted several times.
export default defineConfig({ test: { include: ['test/**/*.test.ts'], testTimeout: 120_000 } })
