/** What an input or a state is for. Whoever feeds a program goes by this, never by a name. */
export type PortRole =
  /** Token ids. */
  | 'ids'
  /** 1 where a place counts, 0 where it is padding. */
  | 'mask'
  /** Where each token stands. */
  | 'positions'
  /** Which segment each token belongs to. */
  | 'segments'
  /** Pixels, normalised. */
  | 'image'
  /** Coordinates in pixels. */
  | 'points'
  /** Two corners in pixels: x and y of one, then of the other. */
  | 'box'
  /** What a point is: one of `values`. */
  | 'labels'
  /** Vectors in place of tokens, or anything else that floats. */
  | 'vectors'
  /** Keys and values of earlier tokens, stacked by layer on axis 0. */
  | 'cache'
  /** Keys and values of another program's tokens, stacked by layer on axis 0. */
  | 'cross'
  /** What one part of a program that was cut hands to the next. */
  | 'hidden'

/** Filters by their names in Pillow, whose results are meant to the last bit: they widen with the factor when a picture shrinks. */
export const resamplings = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const

export type Resampling = (typeof resamplings)[number]

/** One thing that is done to a picture on its way to pixels that a program reads. Pixels are bytes until `rescale`. */
export type ImageStep =
  /** To this size, whatever the sides' ratio was. */
  | { readonly resize: readonly [height: number, width: number]; readonly resampling: Resampling }
  /** The ratio stays; the longer side becomes this long, and each side is ⌊length + ½⌋. */
  | { readonly resizeLongest: number; readonly resampling: Resampling }
  /** From the middle, of this size; what the picture does not have is 0. */
  | { readonly crop: readonly [height: number, width: number] }
  /** From the middle, a square with this share of the shorter side, rounded down. */
  | { readonly cropSquare: number }
  /** Pixel times this. */
  | { readonly rescale: number }
  /** (pixel − mean) / std, for each channel. */
  | { readonly normalize: { readonly mean: readonly number[]; readonly std: readonly number[] } }
  /** Zeros on the right and below up to this size. */
  | { readonly pad: readonly [height: number, width: number] }

/** How an app may pass an image: pixel · scale + bias is what the program computes with. */
export interface ImagePort {
  readonly color: 'rgb' | 'bgr' | 'gray'
  /** For each channel, of pixels from 0 to 255. */
  readonly scale: readonly number[]
  readonly bias: readonly number[]
  /** What makes these pixels of a picture, in order. */
  readonly steps?: readonly ImageStep[]
  /** Core ML's program takes the picture itself, with pixels from 0 to 255, and scales and shifts them; what is padded after that has to be fed otherwise. */
  readonly picture?: true
}

/** What is known of an input or a state beyond its type. */
export interface Port {
  readonly role: PortRole
  /** Legal ids are 0 … below − 1. */
  readonly below?: number
  /** The legal values, where they are few. */
  readonly values?: readonly number[]
  /** Of these the one that says that a place is not taken: it is as if it were not there. */
  readonly absent?: number
  /** Stays fp32 whatever the precision. */
  readonly exact?: true
  readonly image?: ImagePort
  /** Of what comes stacked by layer these rows, from the first to before the second: a part of a cut program takes its own. */
  readonly layers?: readonly [from: number, to: number]
}

/** What an output is, where who reads it would have to know its name. */
export type OutputRole =
  /** Handed to the next part of a program that was cut. */
  | 'hidden'
  /** Logits of masks [1, 1, M, h, w] over the frame that the program's pixels fill: above 0 is inside. */
  | 'masks'
  /** How good each of the masks is, [1, 1, M]. */
  | 'scores'
  /** A vector for each text, [B, C], by which texts are compared. */
  | 'embedding'

/** What is known of an output beyond its type. */
export interface OutputPort {
  /** The mask among the inputs that tells which rows mean something. Its shape is a leading part of the output's. */
  readonly rows?: string
  /** The cache among the inputs that a host brings up to date with this, at the slots of the new tokens. */
  readonly updates?: string
  /** This is an index, [1]: where on an axis of the output `of`, which holds scores, the best of all is. Near scores may trade places in fp16. */
  readonly best?: { readonly of: string; readonly axis: number }
  /** This follows from the output named, which is such an index: where it is another, so is this. */
  readonly follows?: string
  readonly role?: OutputRole
  /** How vectors of an embedding are compared where it is not by their angle: by their product, in which lengths count. */
  readonly similarity?: 'dot'
  /** Stays fp32 whatever the precision. */
  readonly exact?: true
}
