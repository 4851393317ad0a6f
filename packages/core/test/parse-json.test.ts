import { expect, test } from 'vitest'
import { parseJson } from '../src/index.ts'

const parse = (text: string) => parseJson(new TextEncoder().encode(text), { file: 'a.json', where: 'here' })

test('JSON as Python writes it', () => {
  expect(parse('{"a": [NaN, Infinity, -Infinity, 1e2, "\\u00e9"]}')).toEqual({
    a: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 100, 'é'],
  })
})

test('a key is a property of its own, whatever its name', () => {
  const found = parse('{"__proto__": {"x": NaN}}')
  expect(Object.keys(found as object)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(found)).toBe(Object.prototype)
})

test('E_JSON says where', () => {
  expect(() => parse('{\n"a" 1}')).toThrowErrorMatchingInlineSnapshot(`
    [SilaneError: a.json is not valid JSON: expected ":" in line 2, column 5.
    Looked in: here
    Download the file again; if it stays the same, it was published broken.]
  `)
})

test('E_JSON counts lines without making a list of them', () => {
  const bytes = new Uint8Array(10_000_001).fill(0x0a)
  bytes[10_000_000] = 0x78
  const before = process.memoryUsage().heapUsed
  expect(() => parseJson(bytes, { file: 'a.json', where: 'here' })).toThrow('unexpected "x" in line 10000001, column 1.')
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50e6)
})

test('E_JSON_LIMIT counts keys too, which cost more than what stands behind them', () => {
  const bytes = new Uint8Array(8_000_001).fill(0x3a)
  expect(() => parseJson(bytes, { file: 'a.json', where: 'here' })).toThrow('a.json has more values and keys than the 8000000')
})

test('E_JSON_LIMIT comes before anything is built', () => {
  expect(() => parse('['.repeat(65))).toThrowErrorMatchingInlineSnapshot(`
    [SilaneError: a.json has deeper nesting than the 64 that are read of a JSON file.
    Looked in: here
    Download the file again; if it stays the same, it was published broken.]
  `)
})
