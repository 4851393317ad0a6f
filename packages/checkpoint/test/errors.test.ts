import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { checkpointErrors } from '../src/index.ts'

const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter(file => /\.(?:test\.ts|snap)$/.test(file))
const tests = files.map(file => readFileSync(join(import.meta.dirname, file), 'utf8')).join('\n')

it.each(Object.keys(checkpointErrors))('%s has a text that a test holds', code => {
  expect(tests.includes(`${code}: `)).toBe(true)
})
