import type { Json } from '../plugin/checkpoint.ts'
import type { SequenceBias } from './logits-rules.ts'

/** What a setting may be. */
export interface Kind<T> {
  /** Ends "must be …". */
  readonly wants: string
  /** Undefined where the value is none of this kind. */
  read(value: Json): T | undefined
}

/** Numbers, texts and lists in one setting. No vocabulary has as many tokens, so that all of them can be ruled out one by one. */
export const MOST_ENTRIES = 2 ** 20

/** What lists hold, with the lists in them. */
export const entriesIn = (value: Json): number => (isList(value) ? value.reduce<number>((sum, item) => sum + 1 + entriesIn(item), 0) : 0)

const kind = <T>(wants: string, read: (value: Json) => T | undefined): Kind<T> => ({ wants, read })

const number = (wants: string, test: (value: number) => boolean): Kind<number> =>
  kind(wants, value => (typeof value === 'number' && test(value) ? value : undefined))

const isWhole = (value: Json): value is number => Number.isInteger(value)
const isId = (value: Json): value is number => isWhole(value) && value >= 0
const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

const all = <T extends Json>(value: Json, test: (item: Json) => item is T): readonly T[] | undefined =>
  isList(value) && value.every(item => test(item)) ? value.filter(test) : undefined

export const finite = number('a number', Number.isFinite)
export const positive = number('a number above 0', value => value > 0)
export const share = number('a number from 0 to 1', value => value >= 0 && value <= 1)
export const someShare = number('a number above 0 and at most 1', value => value > 0 && value <= 1)
export const notNegative = number('a number from 0 on', value => value >= 0)
export const whole = number('a whole number', isWhole)
export const count = number('a whole number from 0 on', isId)
/** Beams and results: each costs a run of the decoder for every token, and more than this nobody compares. */
const MOST_BEAMS = 1024

export const beams = number(`a whole number from 1 to ${MOST_BEAMS}`, value => isWhole(value) && value > 0 && value <= MOST_BEAMS)
export const flag = kind('true or false', value => (typeof value === 'boolean' ? value : undefined))
export const text = kind('a text, or a list of texts that are not empty', value => {
  const texts = all(isList(value) ? value : [value], item => typeof item === 'string')
  return texts && texts.length > 0 && !texts.includes('') ? texts : undefined
})

export const stopping = kind<boolean | 'never'>('true, false or "never"', value =>
  typeof value === 'boolean' || value === 'never' ? value : undefined,
)

/** One id may stand without a list. */
export const ids = kind('a token id, or a list of them', value => all(isList(value) ? value : [value], isId))

/** Numbers below 0 are no ids, and some files have one for "none". */
export const anyIds = kind('a whole number, or a list of them', value => all(isList(value) ? value : [value], isWhole))

/** Models have up to ten ends. Beam search looks at as many candidates more for each. */
const MOST_ENDS = 256

export const fewIds = kind(`a whole number, or a list of up to ${MOST_ENDS} of them`, value => {
  const list = isList(value) ? value : [value]
  return list.length > MOST_ENDS ? undefined : all(list, isWhole)
})

/** A list has one id for each text, and there is one text. */
export const oneId = kind('one token id', value => {
  const found = isList(value) ? value : [value]
  const [id] = found
  return found.length === 1 && id !== undefined && isId(id) ? id : undefined
})

export const idLists = kind('a list of lists of token ids, none of them empty', value => {
  const lists = isList(value) ? value.flatMap(item => [all(item, isId) ?? []]) : []
  return lists.length > 0 && lists.every(list => list.length > 0) ? lists : undefined
})

export const biases = kind('a list of pairs: a list of token ids and a number', value => {
  const pairs = isList(value)
    ? value.map((item): SequenceBias | undefined => {
        const [list, bias] = isList(item) && item.length === 2 ? item : []
        const ids = list === undefined ? undefined : all(list, isId)
        return ids && ids.length > 0 && typeof bias === 'number' ? { ids, bias } : undefined
      })
    : []
  return pairs.length > 0 && pairs.every(pair => pair !== undefined) ? pairs : undefined
})

export const decay = kind<readonly [number, number]>('a pair: a number of tokens and a factor', value => {
  const [start, factor] = isList(value) && value.length === 2 ? value : []
  return typeof start === 'number' && Number.isInteger(start) && typeof factor === 'number' ? [start, factor] : undefined
})
