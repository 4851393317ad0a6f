/** What silane.json says under `options`: how the program was made. */
export type RetroDeployment =
  | { readonly seq: number; readonly retrieval: false }
  | {
      readonly seq: number
      readonly retrieval: true
      readonly 'chunk-size': number
      readonly neighbors: number
      readonly 'neighbor-length': number
      readonly 'pad-id': number
    }

/** What an app has beside the loop. */
export interface Programs {
  /**
   * One call of a function of the program `model`: input_ids int32 [1, S]; retrieved int32 [1, ⌊S / C⌋, K, R], which `without_retrieval`
   * does not have → logits [1, S, V], row after row.
   */
  run(
    name: 'main' | 'without_retrieval',
    inputs: { readonly input_ids: Int32Array<ArrayBuffer>; readonly retrieved?: Int32Array<ArrayBuffer> },
  ): Promise<ArrayLike<number>>
  /** Neighbours of a full chunk, which is the one with this number: at most K, each of at most R ids. Called once for each chunk. */
  retrieve(chunk: readonly number[], index: number): Promise<readonly (readonly number[])[]>
}

export interface Continue {
  /** Default: [101], where the author's code starts. */
  readonly prompt?: readonly number[]
  /** Default: as many as the program has room for; with S tokens read the last one is the S + 1st. */
  readonly maxNewTokens?: number
  /** Ids after which nothing follows. Default: [102]. */
  readonly stop?: readonly number[]
  /** The next token of its scores [V]. Default: the best one, the first of equal ones. */
  readonly choose?: (scores: Float32Array) => number
}

const START = 101
const END = 102

/**
 * Continues a text a token at a time, as the author's `TrainingWrapper.generate`: whenever a chunk is full its neighbours are retrieved, and
 * below one chunk the model runs without any. There is no cache: each step computes the whole sequence. A program is of one length S; what
 * is behind the text changes nothing before it, so any ids may stand there, and padding for neighbours that nobody has retrieved.
 *
 * Gives the new tokens, a stop id included. Throws RangeError for a prompt, or neighbours, that the program has no room for.
 */
export async function generate(
  deployment: RetroDeployment,
  { run, retrieve }: Programs,
  { prompt = [START], maxNewTokens = Number.POSITIVE_INFINITY, stop = [END], choose = best }: Continue = {},
): Promise<readonly number[]> {
  const { seq } = deployment
  if (prompt.length === 0 || prompt.length > seq) throw new RangeError(`a prompt has 1 to ${seq} tokens, not ${prompt.length}`)
  const neighbors = deployment.retrieval ? new Neighbors(deployment, retrieve) : undefined
  const tokens = [...prompt]
  while (tokens.length <= seq && tokens.length - prompt.length < maxNewTokens) {
    const input_ids = new Int32Array(seq)
    input_ids.set(tokens)
    const retrieved = await neighbors?.upTo(tokens)
    const scores = await run(neighbors && !retrieved ? 'without_retrieval' : 'main', retrieved ? { input_ids, retrieved } : { input_ids })
    const width = scores.length / seq
    const row = Float32Array.from({ length: width }, (_, id) => scores[(tokens.length - 1) * width + id] as number)
    const token = choose(row)
    tokens.push(token)
    if (stop.includes(token)) break
  }
  return tokens.slice(prompt.length)
}

/** The input `retrieved`, which fills up chunk by chunk. */
class Neighbors {
  readonly #deployment: RetroDeployment & { readonly retrieval: true }
  readonly #retrieve: Programs['retrieve']
  readonly #ids: Int32Array<ArrayBuffer>
  #known = 0

  constructor(deployment: RetroDeployment & { readonly retrieval: true }, retrieve: Programs['retrieve']) {
    const { seq, 'chunk-size': chunkSize, neighbors, 'neighbor-length': length, 'pad-id': pad } = deployment
    this.#deployment = deployment
    this.#retrieve = retrieve
    this.#ids = new Int32Array(Math.floor(seq / chunkSize) * neighbors * length).fill(pad)
  }

  /** Neighbours of every full chunk of these tokens; undefined where no chunk is full. */
  async upTo(tokens: readonly number[]): Promise<Int32Array<ArrayBuffer> | undefined> {
    const { 'chunk-size': chunkSize, neighbors, 'neighbor-length': length } = this.#deployment
    for (; (this.#known + 1) * chunkSize <= tokens.length; this.#known++) {
      const found = await this.#retrieve(tokens.slice(this.#known * chunkSize, (this.#known + 1) * chunkSize), this.#known)
      if (found.length > neighbors || found.some(ids => ids.length > length))
        throw new RangeError(
          `the program takes ${neighbors} neighbours of ${length} tokens for a chunk, and got more for chunk ${this.#known}`,
        )
      for (const [i, ids] of found.entries()) this.#ids.set(ids, (this.#known * neighbors + i) * length)
    }
    return this.#known > 0 ? this.#ids : undefined
  }
}

function best(scores: Float32Array): number {
  let found = 0
  for (let id = 1; id < scores.length; id++) if ((scores[id] as number) > (scores[found] as number)) found = id
  return found
}
