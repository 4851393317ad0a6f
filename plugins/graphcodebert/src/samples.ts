import { arrayConstant, type Constant } from '@silane/core'
import type { GraphCodeBertConfig } from './config.ts'

const PAD = 1
const NODE = 3 // <unk>
const FIRST_WORD = 5

/**
 * Inputs to compare stages with: code whose data flow fills the sequence, and shorter code with padding. The last node
 * of each comes from code that was cut off, and sees nothing. Masks follow GraphCodeBERT/codesearch/run.py.
 */
export const dataFlowSamples = (
  batch: number,
  length: number,
  config: GraphCodeBertConfig,
): readonly Readonly<Record<string, Constant>>[] =>
  [
    { tokens: length - Math.floor(length / 4), nodes: Math.floor(length / 4) },
    { tokens: Math.ceil(length / 2), nodes: Math.floor(length / 6) },
  ].map(({ tokens, nodes }) => {
    const code = Math.min(tokens, config.max_position_embeddings - PAD - 1)
    const ids = new Int32Array(batch * length)
    const positions = new Int32Array(batch * length)
    const mask = new Int32Array(batch * length * length)
    for (let row = 0; row < batch; row++) {
      const at = row * length
      for (let i = 0; i < length; i++) {
        ids[at + i] = wordAt(i + row, i, code, nodes, config.vocab_size)
        positions[at + i] = i < code ? i + PAD + 1 : i < code + nodes ? 0 : PAD
        for (let j = 0; j < length; j++) mask[(at + i) * length + j] = sees(i, j, code, nodes) ? 1 : 0
      }
    }
    return {
      input_ids: arrayConstant('int32', [batch, length], ids),
      position_idx: arrayConstant('int32', [batch, length], positions),
      attention_mask: arrayConstant('int32', [batch, length, length], mask),
    }
  })

function wordAt(seed: number, place: number, code: number, nodes: number, vocabulary: number): number {
  if (place === 0) return 0
  if (place === code - 1) return 2
  if (place < code) return FIRST_WORD + ((seed * 7919) % Math.max(1, vocabulary - FIRST_WORD))
  return place < code + nodes ? NODE : PAD
}

/** Code sees code, both ends of it see all; a node and the two tokens that it stands for see each other, a node the one before it. */
function sees(row: number, column: number, code: number, nodes: number): boolean {
  const end = code + nodes
  if (row >= end || column >= end) return false
  if (row === 0 || row === code - 1) return true
  if (row < code && column < code) return true
  if (row >= code && column >= code) return row < end - 1 && column === row - 1
  const [token, node] = row < code ? [row, column] : [column, row]
  const first = 1 + ((node - code) % Math.max(1, code - 2))
  return node < end - 1 && (token === first || token === first + 1)
}
