import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeTriples, type Span, type Triple } from '../src/index.ts'

type Place = readonly [row: number, column: number]

/** A map of these places, in the scores of a sigmoid. */
const mapOf = (size: number, places: readonly Place[]): Float32Array => {
  const scores = new Float32Array(size * size).fill(0.25)
  for (const [row, column] of places) scores[row * size + column] = 0.75
  return scores
}

const positions = ([first, last]: Span): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

/** As case.json writes triples: every position of subject and object. */
const spelled = (triples: readonly Triple[]) =>
  triples.map(({ subject, relation, object }) => [positions(subject), relation, positions(object)])

describe('with maps of first tokens, last tokens and spans', () => {
  const { decoding } = JSON.parse(readFileSync(new URL('../fixtures/span/case.json', import.meta.url), 'utf8')) as {
    decoding: {
      max_length: number
      num_rels: number
      head: Place[]
      tail: Place[]
      span: Place[]
      triples: [number[], number, number[]][]
    }
  }
  const relations = decoding.num_rels
  const size = decoding.max_length + relations
  const maps = {
    head_scores: mapOf(size, decoding.head),
    tail_scores: mapOf(size, decoding.tail),
    span_scores: mapOf(size, decoding.span),
  }

  it('the triples are those that the original finds', () => {
    expect(spelled(decodeTriples(maps, { relations }))).toEqual(decoding.triples)
  })
  it('every place but those of the decoys counts', () => {
    const decoys = new Set(['head 5,7', 'tail 1,4', 'span 9,4', 'span 6,8'])
    for (const [name, places] of Object.entries({ head: decoding.head, tail: decoding.tail, span: decoding.span })) {
      for (const place of places) {
        const without = places.filter(other => other !== place)
        const found = spelled(decodeTriples({ ...maps, [`${name}_scores`]: mapOf(size, without) }, { relations }))
        const decoy = decoys.has(`${name} ${place}`) || isReverse(place, name)
        expect(found.length === decoding.triples.length, `${name} ${place}`).toBe(decoy)
      }
    }
  })
  /** Pairs are marked in both directions; a triple needs the one from its subject to its object. */
  const isReverse = ([row, column]: Place, name: string): boolean => {
    if (name === 'span' || Math.max(row, column) >= decoding.max_length) return false
    const end = name === 'head' ? 0 : -1
    return !decoding.triples.some(([subject, , object]) => subject.at(end) === row && object.at(end) === column)
  }
  it('the threshold decides, and a score on it is below', () => {
    expect(decodeTriples(maps, { relations, threshold: 0.75 })).toEqual([])
    expect(decodeTriples(maps, { relations, threshold: 0.7 })).toHaveLength(decoding.triples.length)
  })
})

describe('with the map of last tokens alone', () => {
  const [length, relations] = [6, 2]
  const decode = (...places: Place[]) => spelled(decodeTriples({ tail_scores: mapOf(length + relations, places) }, { relations }))

  it('a pair counts in both directions, once', () => {
    const arrows: Place[] = [
      [3, length + 1],
      [length + 1, 2],
    ]
    expect(decode([3, 2], ...arrows)).toEqual([[[3], 1, [2]]])
    expect(decode([2, 3], ...arrows)).toEqual([[[3], 1, [2]]])
    expect(decode([2, 3], [3, 2], ...arrows)).toEqual([[[3], 1, [2]]])
    expect(decode(...arrows)).toEqual([])
  })
  it('a word may be both, and have several relations', () => {
    expect(decode([4, 4], [4, length], [length, 4], [4, length + 1], [length + 1, 4])).toEqual([
      [[4], 0, [4]],
      [[4], 1, [4]],
    ])
  })
  it('neither [CLS] nor the last place of the text is a word', () => {
    const arrows = (at: number): Place[] => [
      [at, length],
      [length, 2],
      [2, at],
      [at, 2],
    ]
    expect(decode(...arrows(0))).toEqual([])
    expect(decode(...arrows(length - 1))).toEqual([])
    expect(decode(...arrows(length - 2))).toEqual([[[length - 2], 0, [2]]])
  })
})

it('maps that do not fit are refused', () => {
  expect(() => decodeTriples({ tail_scores: new Float32Array(10) }, { relations: 2 })).toThrow(RangeError)
  expect(() => decodeTriples({ tail_scores: new Float32Array(9) }, { relations: 3 })).toThrow(RangeError)
  const tail_scores = new Float32Array(16)
  expect(() => decodeTriples({ tail_scores, head_scores: tail_scores, span_scores: new Float32Array(9) }, { relations: 1 })).toThrow(
    RangeError,
  )
})
