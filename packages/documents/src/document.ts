/** A passage to be found. */
export interface Document {
  readonly id: string
  readonly text: string
  readonly title?: string
  /** Where it is from, such as a path or an address. */
  readonly source?: string
  /** Whatever else goes with it. */
  readonly meta?: unknown
}
