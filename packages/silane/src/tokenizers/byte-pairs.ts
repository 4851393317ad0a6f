import type { Json, JsonObject } from '@silane/core'
import type { Vocabulary } from './vocabulary.ts'

/** More than any id and any place in a text. */
const RADIX = 2 ** 26

/** Numbers, the least of which comes out first. */
class LeastFirst {
  readonly #heap: number[] = []

  push(value: number): void {
    const heap = this.#heap
    let at = heap.push(value) - 1
    for (let up = (at - 1) >> 1; at > 0 && (heap[up] as number) > value; at = up, up = (at - 1) >> 1) heap[at] = heap[up] as number
    heap[at] = value
  }

  pop(): number | undefined {
    const heap = this.#heap
    const [least, last] = [heap[0], heap.pop()]
    if (last === undefined || heap.length === 0) return least
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down + 1 < heap.length && (heap[down + 1] as number) < (heap[down] as number)) down++
      if (down >= heap.length || (heap[down] as number) >= last) break
      heap[at] = heap[down] as number
      at = down
    }
    heap[at] = last
    return least
  }
}

/**
 * Ids of a word by byte pair encoding: those of its characters, of which pairs are joined in the order of the merges, from the left
 * (`BPE::merge_word`). The library joins what the vocabulary lacks as well, and knows no prefix of what goes on in a word.
 */
export function bytePairs(model: JsonObject, vocabulary: Vocabulary): (word: string) => readonly number[] {
  const [prefix, suffix] = [textOf(model.continuing_subword_prefix), textOf(model.end_of_word_suffix)]
  const need = (token: string): number => {
    const id = vocabulary.get(token)
    if (id === undefined) throw new Error(`the vocabulary lacks ${JSON.stringify(token)}`)
    return id
  }
  const ranks = new Map<number, number>()
  const joined = (Array.isArray(model.merges) ? model.merges : []).map((merge: Json, rank) => {
    const [left, right, ...more] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : []
    if (typeof left !== 'string' || typeof right !== 'string' || more.length > 0) throw new Error(`${JSON.stringify(merge)} is no merge`)
    ranks.set(need(left) * RADIX + need(right), rank)
    return need(`${left}${right.slice(prefix.length)}`)
  })

  /** Ids of the characters. An unknown one waits for the next that is known, so that several can be one. */
  const letters = (word: string): number[] => {
    const characters = Array.from(word)
    const ids: number[] = []
    let unknown: number | undefined
    for (const [at, character] of characters.entries()) {
      const token = `${at === 0 ? '' : prefix}${character}${at === characters.length - 1 ? suffix : ''}`
      const id = vocabulary.get(token)
      if (id !== undefined) {
        if (unknown !== undefined) ids.push(unknown)
        unknown = undefined
        ids.push(id)
        continue
      }
      const bytes = model.byte_fallback === true ? byteIds(token, vocabulary) : undefined
      if (bytes) ids.push(...bytes)
      else if (typeof model.unk_token === 'string') {
        if (unknown !== undefined && model.fuse_unk !== true) ids.push(unknown)
        unknown = need(model.unk_token)
      }
    }
    if (unknown !== undefined) ids.push(unknown)
    return ids
  }

  return word => {
    const whole = model.ignore_merges === true ? vocabulary.get(word) : undefined
    if (whole !== undefined) return [whole]
    const ids = letters(word)
    const next = Int32Array.from(ids, (_, at) => at + 1)
    const previous = Int32Array.from(ids, (_, at) => at - 1)
    const gone = new Uint8Array(ids.length)
    const queue = new LeastFirst()
    const rankAt = (at: number): number | undefined => ranks.get((ids[at] as number) * RADIX + (ids[next[at] as number] as number))
    const offer = (at: number): void => {
      const rank = at >= 0 && (next[at] as number) < ids.length ? rankAt(at) : undefined
      if (rank !== undefined) queue.push(rank * RADIX + at)
    }
    for (const at of ids.keys()) offer(at)
    for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
      const [rank, at] = [Math.floor(top / RADIX), top % RADIX]
      const right = next[at] as number
      // What stood there may have been joined with something else meanwhile.
      const now = gone[at] || right >= ids.length ? undefined : rankAt(at)
      if (now === undefined || joined[now] !== joined[rank]) continue
      ids[at] = joined[rank] as number
      gone[right] = 1
      next[at] = next[right] as number
      if ((next[at] as number) < ids.length) previous[next[at] as number] = at
      offer(previous[at] as number)
      offer(at)
    }
    return ids.filter((_, at) => !gone[at])
  }
}

const textOf = (json: Json | undefined): string => (typeof json === 'string' ? json : '')

/** Ids of the tokens "<0x00>" … of a text's bytes, where the vocabulary has all of them. */
export function byteIds(text: string, vocabulary: Vocabulary): readonly number[] | undefined {
  const ids = Array.from(new TextEncoder().encode(text), byte => vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`))
  return ids.every(id => id !== undefined) ? ids : undefined
}
