import { type Constant, EPSILON_FP16, sizeOf } from '@silane/core'

/** How much of a row's mean square the smallest epsilon of fp16 may be: 3e-4 of it changes the norm by 1.5e-4, 76 dB below the signal. */
const TOLERATED = 3e-4

/** The strongest scale: it brings the largest stream reported (2.8e5) down to 8.7e3, below the 32752 at which the ANE's products saturate. */
const STRONGEST = 2 ** -5

/** Rows enough to know how large embeddings are. */
const SAMPLE = 1 << 20

/**
 * What the residual stream is multiplied by, a power of two. T5 was trained in bf16: its stream reaches ±2.8e5, and the output of
 * a feed-forward layer 66246, past fp16's 65504. RMS(s·x; s²ε) = RMS(x; ε), so scaling whatever is added to the stream
 * (embeddings, attention outputs, feed-forward outputs) changes nothing behind a norm, and a power of two changes no bit of
 * fp32. In fp16 s²ε is as small as it gets at 1e-7, which must stay small beside the mean square of the scaled rows: the
 * embeddings, where the stream starts and is smallest, decide how far down the scale may go.
 */
export function streamScale(embeddings: Constant): number {
  const sample = embeddings.read(0, Math.min(SAMPLE, sizeOf(embeddings.shape)))
  let squares = 0
  for (const element of sample) squares += Number(element) ** 2
  const least = Math.sqrt(EPSILON_FP16 / (TOLERATED * (squares / sample.length)))
  return Math.min(1, Math.max(STRONGEST, 2 ** Math.ceil(Math.log2(least))))
}
