import { linesOf } from './lines-of.ts'

const helpers: Readonly<Record<string, string>> = {
  padded: `
/// Ids with zeros behind them.
func padded(_ ids: [Int32], to length: Int) throws -> [Int32] {
  guard ids.count <= length else { throw ProgramError.wrongCount(ids.count) }
  return ids + [Int32](repeating: 0, count: length - ids.count)
}`,
  mostLikely: `
/// The place of the largest score.
func mostLikely(_ scores: [Float]) throws -> Int32 {
  guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else { throw ProgramError.nothingToChoose }
  return Int32(best)
}`,
  placing: `
/// Vectors [1, S, C] with rows [1, N, C], from \`first\` on, in the places where ids are \`id\`.
func placing<Scalar: MLShapedArrayScalar>(
  _ rows: MLShapedArray<Scalar>, forId id: Int32, of ids: [Int32], among vectors: MLShapedArray<Scalar>,
  from first: Int = 0
) throws -> MLShapedArray<Scalar> {
  let width = vectors.shape[2]
  let source = rows.scalars
  var scalars = vectors.scalars
  var next = first
  for (place, token) in ids.enumerated() where token == id {
    guard next < rows.shape[1] else { throw ProgramError.wrongCount(next + 1) }
    scalars.replaceSubrange(place * width ..< (place + 1) * width, with: source[next * width ..< (next + 1) * width])
    next += 1
  }
  return MLShapedArray(scalars: scalars, shape: vectors.shape)
}`,
  store: `
/// Puts the first columns of an update [L, C, B, S] into a cache [L, C, B, N], from a slot on.
func store<Scalar: MLShapedArrayScalar>(_ update: MLShapedArray<Scalar>, count: Int, into cache: MLMultiArray, at slot: Int) {
  let fresh = update.scalars
  let (channels, rows, width) = (update.shape[1], update.shape[2], update.shape[3])
  cache.withUnsafeMutableBufferPointer(ofType: Scalar.self) { slots, strides in
    for row in 0 ..< fresh.count / width {
      let (layer, channel, line) = (row / (channels * rows), row / rows % channels, row % rows)
      let start = layer * strides[0] + channel * strides[1] + line * strides[2]
      for i in 0 ..< count { slots[start + (slot + i) * strides[3]] = fresh[row * width + i] }
    }
  }
}`,
}

/** The functions that a piece of Swift calls and does not bring along, each after an empty line. */
export const helpersFor = (code: readonly string[]): string[] => {
  const text = code.join('\n')
  return Object.entries(helpers).flatMap(([name, helper]) =>
    new RegExp(`(?<![.\\w])${name}\\(`).test(text) ? ['', ...linesOf(helper)] : [],
  )
}
