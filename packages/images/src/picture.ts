/** A picture in memory: bytes, red, green, blue of each pixel, row by row from the top. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** [height, width, 3] */
  readonly data: Uint8Array
  /** What a reader of the result should know of the way from the file to these bytes. */
  readonly notes: readonly string[]
}

/** Height before width, the order of tensors. */
export type Size = readonly [height: number, width: number]

/** Pillow's limit, twice its MAX_IMAGE_PIXELS: above it a file is taken for an attack. */
export const PIXEL_LIMIT = 178_956_970
