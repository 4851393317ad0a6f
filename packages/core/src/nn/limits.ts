/**
 * The most that a configuration may ask for. A configuration is a few bytes that anyone can write, and what it asks for is made before
 * a tensor's shape could refuse it: layers, tables of positions, masks. Each bound is several times what the largest published model
 * of these families has, so that what is beyond it is a mistake or an attack; and together they keep what is made in memory.
 */
export const limits = {
  /** Layers of one stack. The deepest published models have below 130. Every layer is some dozen operations, and some share their weights. */
  layers: 1024,
  /** Heads of an attention. The largest models have 128; some lowerings write each head's operations out. */
  heads: 1024,
  /** Channels: of the stream, of a head, of latents, of what is projected. The widest models have 20,480. */
  width: 1 << 17,
  /** Channels inside a feed-forward layer, which is up to 32 times as wide as the stream (65,536 in T5-11B). */
  feedForward: 1 << 20,
  /** Positions of tokens, which tables are made for. Contexts end at a million. */
  positions: 1 << 20,
  /** Tokens. The largest vocabularies have a million: one of a thousand languages, say. */
  vocabulary: 1 << 23,
  /** Kinds of segments. BERT has two, TAPAS has 256 of one kind. */
  tokenTypes: 1 << 16,
  /** Buckets of relative positions. T5 has 32; the bounds between them are worked out one after the other. */
  buckets: 1 << 12,
  /** The farthest distance that buckets tell apart. T5 has 128. */
  distance: 1 << 20,
  /** Labels of a head, each a row of a matrix and a name in a file. ImageNet's large set has 21,843. */
  labels: 1 << 18,
  /** Side of a picture in pixels. SAM has 1024; attention takes the square of the number of patches. */
  imageSize: 1 << 13,
  /** Side of a patch or a window, and channels of a picture's kind. */
  patch: 1 << 10,
  /** Things that are few: documents that are read at once, candidates, maps of an answer, tokens of a query, a factor of widening. */
  few: 1 << 12,
} as const

/** The largest number that fp32 holds: what is beyond it is no setting of arithmetic in fp32, and no file of a program can store it. */
export const LARGEST_FP32 = (2 - 2 ** -23) * 2 ** 127
