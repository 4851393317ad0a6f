import { describe, expect, it } from 'vitest'
import { mutateBytes } from '../src/mutate/bytes.ts'
import { HOSTILE, jsonText, mutateJson, pathsOf, renamed, replaceAt, stringsOf } from '../src/mutate/json.ts'
import { instructions } from '../src/mutate/pickle.ts'
import { mutateProtobuf } from '../src/mutate/protobuf.ts'
import { entriesOf, zipOf } from '../src/mutate/torch.ts'
import { seededRandom } from '../src/random.ts'

const many = Array.from({ length: 200 }, (_, i) => seededRandom(`test ${i}`))

describe('JSON', () => {
  const value = { a: 1, b: [{ c: 'x' }, null] }

  it('is changed in one place', () => {
    expect(pathsOf(value)).toEqual([[], ['a'], ['b'], ['b', 0], ['b', 0, 'c'], ['b', 1]])
    expect(replaceAt(value, ['b', 0, 'c'], 2)).toEqual({ a: 1, b: [{ c: 2 }, null] })
    expect(replaceAt(value, ['b', 1], undefined)).toEqual({ a: 1, b: [{ c: 'x' }] })
  })

  it('gets keys that a prototype has, as keys of its own', () => {
    expect(jsonText(replaceAt({}, ['__proto__'], 1))).toBe('{"__proto__":1}')
  })

  it('has a name changed wherever it stands', () => {
    const named = { programs: ['a', 'b'], feeds: { a: { b: 'a' } } }
    expect(stringsOf(named, 'values')).toEqual(['a', 'b'])
    expect(stringsOf(named, 'keys')).toEqual(['programs', 'feeds', 'a', 'b'])
    expect(jsonText(renamed(named, 'a', '__proto__'))).toBe('{"programs":["__proto__","b"],"feeds":{"__proto__":{"b":"__proto__"}}}')
  })

  it('gets numbers that JSON has no spelling for', () => {
    const texts = HOSTILE.map(value => jsonText({ x: value() }))
    expect(texts).toContain('{"x":NaN}')
    expect(texts).toContain('{"x":1e999}')
  })

  it('stays JSON nearly always, since readers of broken text stop at once', () => {
    const parsed = many.filter(random => {
      try {
        JSON.parse(mutateJson(JSON.stringify({ hidden_size: 64, layers: [1, 2], name: 'x' }), random).toString('utf8'))
        return true
      } catch {
        return false
      }
    })
    expect(parsed.length).toBeGreaterThan(130)
    expect(parsed.length).toBeLessThan(200)
  })
})

it('archives come out as they go in', () => {
  const entries = [
    { name: 'model/data.pkl', data: Buffer.from('\x80\x02}.', 'latin1') },
    { name: 'model/data/0', data: Buffer.alloc(100, 7) },
  ]
  expect(entriesOf(zipOf(entries))).toEqual(entries)
})

it('pickles are taken apart at their instructions', () => {
  const pickle = Buffer.from('\x80\x02ctorch\nFloatStorage\nq\x00X\x03\x00\x00\x00abcK\x01M\x00\x02(\x8a\x02\x01\x02.', 'latin1')
  const parts = instructions(pickle)
  expect(parts.map(part => part.toString('latin1'))).toEqual([
    '\x80\x02',
    'ctorch\nFloatStorage\n',
    'q\x00',
    'X\x03\x00\x00\x00abc',
    'K\x01',
    'M\x00\x02',
    '(',
    '\x8a\x02\x01\x02',
    '.',
  ])
})

describe('messages', () => {
  // { 1: 150, 2: { 1: "name", 3: [1, 2, 3] } }
  const message = Buffer.from([0x08, 0x96, 0x01, 0x12, 0x0b, 0x0a, 0x04, 0x6e, 0x61, 0x6d, 0x65, 0x1a, 0x03, 0x01, 0x02, 0x03])

  it('are changed inside, with lengths that fit', () => {
    const changed = many.map(random => mutateProtobuf(message, random))
    // Field 2 is still there and as long as it says, in most of those that are longer or shorter.
    const resized = changed.filter(bytes => bytes.length !== message.length && bytes[0] === 0x08 && bytes[3] === 0x12)
    const fitting = resized.filter(bytes => (bytes[4] as number) >= 0x80 || bytes.length >= 5 + (bytes[4] as number))
    expect(resized.length).toBeGreaterThan(20)
    expect(fitting.length / resized.length).toBeGreaterThan(0.9)
  })
})

it('bytes are changed only as far as is said', () => {
  const bytes = Buffer.alloc(1000, 1)
  for (const random of many) expect(mutateBytes(bytes, random, 10).subarray(-990)).toEqual(bytes.subarray(10))
})

it('chance is the same everywhere', () => {
  const random = seededRandom('config:1.0')
  expect(Array.from({ length: 6 }, () => random.int(1000))).toMatchInlineSnapshot(`
    [
      20,
      176,
      227,
      552,
      375,
      515,
    ]
  `)
})
