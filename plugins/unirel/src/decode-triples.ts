/** The interaction maps of one sentence, each [N, N] row by row, as the program gives them for a batch of one. */
export interface ScoreMaps {
  /** First tokens with first tokens and with relations. */
  readonly head_scores?: ArrayLike<number> | undefined
  /** Last tokens with last tokens and with relations. */
  readonly tail_scores: ArrayLike<number>
  /** First tokens with last tokens of entities. */
  readonly span_scores?: ArrayLike<number> | undefined
}

export interface DecodingOptions {
  /** `num_rels` of config.json: the last places of a map are relations, in the order of the table they were encoded from. */
  readonly relations: number
  /** `threshold` of config.json. Default: 0.5. */
  readonly threshold?: number | undefined
}

/** First and last token of an entity. Places count from [CLS], which is 0. */
export type Span = readonly [first: number, last: number]

export interface Triple {
  readonly subject: Span
  /** Number of the relation. */
  readonly relation: number
  readonly object: Span
}

/**
 * The triples in the maps of one sentence, sorted by place, as UniRel's `predict.py` and `data_extractor.py` find them.
 *
 * With all three maps: subject and object are spans; their last tokens are a pair in the tail map and their first tokens one in the
 * head map; and in both maps subject → relation and relation → object. With the tail map alone an entity is known by its last
 * token, and a pair counts in both directions.
 *
 * The original gives texts, and of equal ones a single one; here equal texts at other places are other triples.
 */
export function decodeTriples(maps: ScoreMaps, { relations, threshold = 0.5 }: DecodingOptions): readonly Triple[] {
  const places = Math.sqrt(maps.tail_scores.length)
  if (!Number.isInteger(places) || relations >= places)
    throw new RangeError(`${maps.tail_scores.length} scores are no map with ${relations} relations`)
  const view = (scores: ArrayLike<number>): InteractionMap => new InteractionMap(scores, places, relations, threshold)
  const { head_scores, tail_scores, span_scores } = maps
  const triples =
    head_scores && span_scores ? spanTriples(view(head_scores), view(tail_scores), view(span_scores)) : tokenTriples(view(tail_scores))
  return triples.sort(byPlace)
}

class InteractionMap {
  readonly #scores: ArrayLike<number>
  readonly #places: number
  readonly #relations: number
  readonly #threshold: number

  constructor(scores: ArrayLike<number>, places: number, relations: number, threshold: number) {
    if (scores.length !== places * places) throw new RangeError(`${scores.length} scores beside a map of ${places} × ${places}`)
    this.#scores = scores
    this.#places = places
    this.#relations = relations
    this.#threshold = threshold
  }

  holds(row: number, column: number): boolean {
    return (this.#scores[row * this.#places + column] as number) > this.#threshold
  }

  /** Places of the text, but for the last one, which is never a word: [SEP] has it in a text that fills the length. */
  get words(): number {
    return this.#places - this.#relations - 1
  }

  /** Pairs of words that interact; [CLS] is none. */
  *pairs(): Generator<readonly [number, number]> {
    for (let row = 1; row < this.words; row++) {
      for (let column = 1; column < this.words; column++) if (this.holds(row, column)) yield [row, column]
    }
  }

  /** Relations that `subject` points to and that point to `object`. */
  relationsOf(subject: number, object: number): number[] {
    const first = this.#places - this.#relations
    return Array.from({ length: this.#relations }, (_, relation) => relation).filter(
      relation => this.holds(subject, first + relation) && this.holds(first + relation, object),
    )
  }

  /** Spans by their last token, no longer than the text: first tokens from the left. */
  firstTokens(last: number): number[] {
    return Array.from({ length: last }, (_, at) => at + 1).filter(first => this.holds(first, last))
  }
}

function spanTriples(head: InteractionMap, tail: InteractionMap, span: InteractionMap): Triple[] {
  const found: Triple[] = []
  for (const [subjectLast, objectLast] of tail.pairs()) {
    const lasting = tail.relationsOf(subjectLast, objectLast)
    if (lasting.length === 0) continue
    for (const subjectFirst of span.firstTokens(subjectLast)) {
      for (const objectFirst of span.firstTokens(objectLast)) {
        if (!head.holds(subjectFirst, objectFirst)) continue
        const starting = new Set(head.relationsOf(subjectFirst, objectFirst))
        for (const relation of lasting) {
          if (starting.has(relation)) found.push({ subject: [subjectFirst, subjectLast], relation, object: [objectFirst, objectLast] })
        }
      }
    }
  }
  return found
}

function tokenTriples(tail: InteractionMap): Triple[] {
  const pairs = [...tail.pairs()].flatMap(([a, b]): [number, number][] =>
    a !== b && !tail.holds(b, a)
      ? [
          [a, b],
          [b, a],
        ]
      : [[a, b]],
  )
  return pairs.flatMap(([subject, object]) =>
    tail.relationsOf(subject, object).map((relation): Triple => ({ subject: [subject, subject], relation, object: [object, object] })),
  )
}

const placesOf = ({ subject, relation, object }: Triple): readonly number[] => [...subject, relation, ...object]

/** By subject, then relation, then object. */
function byPlace(a: Triple, b: Triple): number {
  const [left, right] = [placesOf(a), placesOf(b)]
  const at = left.findIndex((place, i) => place !== right[i])
  return at < 0 ? 0 : (left[at] as number) - (right[at] as number)
}
