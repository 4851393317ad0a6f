// Bounds on what a package from a stranger may ask for. Real packages stay far below each.

/** A manifest lists two items; a kilobyte is usual. */
export const MAX_MANIFEST_BYTES = 1 << 20

/** The program without its weights: a few megabytes for the largest models. Protobuf itself ends at 2 GiB. */
export const MAX_MODEL_BYTES = 256 << 20

/**
 * Messages in a model, which are counted before any is decoded. An op takes about twenty, so that the 200,000 ops that a graph may have fit;
 * as many as this are decoded in some seconds.
 */
export const MAX_MESSAGES = 5 << 20

/** Ops of all functions together, each a view of its bytes until it is decoded, which takes more than the two that an empty one has. */
export const MAX_OPERATIONS = 1 << 18

/**
 * Messages that are in memory at once, where two bytes of file can ask for an object of 350: those outside of ops, and those of one op. With
 * as many features and functions as a model may have, the first are half of this; an op that joins thousands of values has some
 * ten thousand.
 */
export const MAX_OUTER_MESSAGES = 1 << 20
export const MAX_OP_MESSAGES = 1 << 18

/** Numbers and texts of all lists together. A byte of file can ask for an integer of forty. Tables stand in the weight file, so a program has few. */
export const MAX_LISTED = 4 << 20

/** Inputs, outputs and states that a model describes. Caches of the deepest models have some hundred. */
export const MAX_FEATURES = 1 << 16

/** Messages inside messages: programs without control flow need about fifteen. */
export const MAX_NESTING = 48

/** A dimension is stored in 64 bits; Core ML's own shapes hold 32. */
export const MAX_DIMENSION = 2 ** 31 - 1

/** Elements of a tensor, so that sizes in bytes stay exact numbers. */
export const MAX_ELEMENTS = 2 ** 48

/** A weight is at most of this rank: a table for a tensor of rank 5 has two more. */
export const MAX_CONSTANT_RANK = 7

/** Records in the weight files of a package: the largest models have some thousands. */
export const MAX_BLOBS = 1 << 20

/** Weight files of a program: one is usual. Each name is looked up on the disk. */
export const MAX_WEIGHT_FILES = 64

/**
 * Elements of biases in one package that are looked at for zeros. The largest models have some ten million; as many as this are read
 * in a second or two, wherever a file claims more.
 */
export const MAX_BIAS_ELEMENTS = 2 ** 28

/** Elements of a parameter such as axes or sizes of parts. Tables of thousands are operands. */
export const MAX_PARAMETER = 4096

/** Functions of a program: a few lengths, or a prefill and a step. */
export const MAX_FUNCTIONS = 256

/** Findings of a check, which then stops: nobody reads more, and a hostile package could have millions, each an error to make. */
export const MAX_FINDINGS = 1000
