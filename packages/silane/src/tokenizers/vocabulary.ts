/** Ids of tokens. */
export type Vocabulary = ReadonlyMap<string, number>
