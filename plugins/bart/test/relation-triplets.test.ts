import { describe, expect, it } from 'vitest'
import { relationTriplets } from '../src/index.ts'

describe('relationTriplets', () => {
  it('reads one triplet', () => {
    expect(relationTriplets('<s><triplet> Punta Cana <subj> Dominican Republic <obj> country</s>')).toEqual([
      { head: 'Punta Cana', relation: 'country', tail: 'Dominican Republic' },
    ])
  })

  it('reads several of one head, and several heads', () => {
    const text =
      '<s><triplet> Punta Cana <subj> Higüey <obj> located in the administrative territorial entity <subj> Dominican Republic <obj> country <triplet> Higüey <subj> Dominican Republic <obj> country</s><pad><pad>'
    expect(relationTriplets(text)).toEqual([
      { head: 'Punta Cana', relation: 'located in the administrative territorial entity', tail: 'Higüey' },
      { head: 'Punta Cana', relation: 'country', tail: 'Dominican Republic' },
      { head: 'Higüey', relation: 'country', tail: 'Dominican Republic' },
    ])
  })

  it('needs no spaces around special tokens', () => {
    expect(relationTriplets('<triplet>a b<subj>c<obj>d<triplet>e<subj>f<obj>g')).toEqual([
      { head: 'a b', relation: 'd', tail: 'c' },
      { head: 'e', relation: 'g', tail: 'f' },
    ])
  })

  it.each([
    ['nothing', '', []],
    ['special tokens alone', '<s></s><pad>', []],
    ['no tag', 'some words', []],
    ['words before the first tag', 'noise <triplet> a <subj> b <obj> c', [{ head: 'a', relation: 'c', tail: 'b' }]],
    ['cut off behind a head', '<triplet> a <subj> b <obj> c <triplet> d', [{ head: 'a', relation: 'c', tail: 'b' }]],
    ['cut off behind a tail', '<triplet> a <subj> b', []],
    ['cut off before a relation', '<triplet> a <subj> b <obj>', []],
    [
      'words that every object has',
      '<triplet> constructor <subj> toString <obj> __proto__',
      [{ head: 'constructor', relation: '__proto__', tail: 'toString' }],
    ],
    ['a relation without a tail at the end', '<triplet> a <obj> c', []],
  ])('%s', (_, text, expected) => {
    expect(relationTriplets(text)).toEqual(expected)
  })

  it('keeps what the original keeps of a broken text', () => {
    // The relation stands until the next one begins.
    expect(relationTriplets('<triplet> a <subj> b <obj> c <subj> d')).toEqual([
      { head: 'a', relation: 'c', tail: 'b' },
      { head: 'a', relation: 'c', tail: 'd' },
    ])
    expect(relationTriplets('<triplet> a <obj> c <triplet> b')).toEqual([{ head: 'a', relation: 'c', tail: '' }])
  })
})
