// Bounds on what a package from a stranger may ask for. Real packages stay far below each.

/** A manifest lists two items; a kilobyte is usual. */
export const MAX_MANIFEST_BYTES = 1 << 20

/** The program without its weights: a few megabytes for the largest models. Protobuf itself ends at 2 GiB. */
export const MAX_MODEL_BYTES = 256 << 20

/** Messages in a model: two bytes of file can ask for an object of a hundred, so they are counted before any is made. */
export const MAX_MESSAGES = 8 << 20

/** Messages inside messages: programs without control flow need about fifteen. */
export const MAX_NESTING = 48

/** A dimension is stored in 64 bits; Core ML's own shapes hold 32. */
export const MAX_DIMENSION = 2 ** 31 - 1

/** Elements of a tensor, so that sizes in bytes stay exact numbers. */
export const MAX_ELEMENTS = 2 ** 48

/** A weight is at most of this rank: a table for a tensor of rank 5 has two more. */
export const MAX_CONSTANT_RANK = 7

/** Records in a weight file: the largest models have some thousands. */
export const MAX_BLOBS = 1 << 20

/** Elements of a parameter such as axes or sizes of parts. Tables of thousands are operands. */
export const MAX_PARAMETER = 4096

/** Functions of a program: a few lengths, or a prefill and a step. */
export const MAX_FUNCTIONS = 256

/** Findings of a check: nobody reads more, and a hostile package could have millions. */
export const MAX_FINDINGS = 1000
