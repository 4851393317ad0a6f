/** A file that is read in places, wherever it is. */
export interface ByteSource {
  /** Name inside the checkpoint, which is what messages and ids carry: never a path of this machine. */
  readonly name: string
  /** Where the checkpoint is, for messages. */
  readonly where: string
  /** The path on disk; absent where it is on none. */
  readonly path?: string
  readonly size: number
  /** The bytes from `offset` on, in a buffer of their own and thus aligned for every element type. */
  read(offset: number, length: number): ArrayBuffer
  /** Fills `target` with the bytes from `offset` on. */
  readInto(target: Uint8Array, offset: number): void
}
