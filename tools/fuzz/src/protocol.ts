import type { Told } from './run-case.ts'

/** What the runner asks of a child: these cases of a format, in turn. One line of JSON on its standard input. */
export interface Order {
  readonly format: string
  readonly seed: number
  readonly indexes: readonly number[]
}

export interface Done extends Told {
  readonly done: number
  /** The most that the process ever had in memory, and what it has now, in bytes. */
  readonly peak: number
  readonly resident: number
}

/** What the case that was begun is going to do, for the case that it does not come back. */
export interface Made {
  readonly made: string
  readonly args: readonly string[] | undefined
}

/** What a child says, a line of JSON each. */
export type FromChild =
  | { readonly ready: true }
  | { readonly begun: number }
  | Made
  | Done
  | { readonly idle: true }
  | { readonly broken: string }
