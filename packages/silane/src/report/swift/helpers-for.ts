import { linesOf } from './lines-of.ts'

const helpers: Readonly<Record<string, string>> = {
  truncated: `
/// What is too long loses its middle: the last token, which ends a text for many models, stays.
func truncated(_ ids: [Int32], to length: Int) -> [Int32] {
  ids.count <= length ? ids : Array(ids.prefix(length - 1)) + ids.suffix(1)
}`,
  rankedLabels: `
/// Labels with their probabilities, the most likely first.
func rankedLabels(_ scores: [Float], names: [Int: String]) -> [(label: String, probability: Float)] {
  softmax(scores).enumerated()
    .sorted { $0.element > $1.element }
    .map { (label: names[$0.offset] ?? "LABEL_\\($0.offset)", probability: $0.element) }
}`,
  softmax: `
func softmax(_ scores: [Float]) -> [Float] {
  let largest = scores.max() ?? 0
  let exponentials = scores.map { exp($0 - largest) }
  let sum = exponentials.reduce(0, +)
  return exponentials.map { $0 / sum }
}`,
  labels: `
/// The names of classes, which the package itself carries.
func labels(of model: MLModel) -> [Int: String] {
  let own = model.modelDescription.metadata[MLModelMetadataKey.creatorDefinedKey] as? [String: String]
  guard
    let text = own?["id2label"],
    let names = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))
  else { return [:] }
  return Dictionary(uniqueKeysWithValues: names.compactMap { key, name in Int(key).map { ($0, name) } })
}`,
  cosineSimilarity: `
/// The cosine of the angle between two vectors.
func cosineSimilarity(_ a: [Float], _ b: [Float]) -> Float {
  let lengths = (dotProduct(a, a) * dotProduct(b, b)).squareRoot()
  return lengths > 0 ? dotProduct(a, b) / lengths : 0
}`,
  dotProduct: `
func dotProduct(_ a: [Float], _ b: [Float]) -> Float {
  zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}`,
  choose: `
/// The next token by its scores.
func choose(_ scores: [Float], _ choice: Generator.Choice) throws -> Int32 {
  guard case .sampled(let temperature, let topK, let topP) = choice, temperature > 0 else { return try mostLikely(scores) }
  let ranked = Array(scores.indices.sorted { scores[$0] > scores[$1] }.prefix(max(topK, 1)))
  guard let best = ranked.first else { throw ProgramError.nothingToChoose }
  let weights = ranked.map { exp((scores[$0] - scores[best]) / temperature) }
  let total = weights.reduce(0, +)
  // The most likely ones that make up topP together, and at least one.
  var sum: Float = 0
  var count = 0
  for weight in weights where count == 0 || sum < topP * total {
    sum += weight
    count += 1
  }
  var point = Float.random(in: 0 ..< sum)
  for place in 0 ..< count {
    point -= weights[place]
    if point < 0 { return Int32(ranked[place]) }
  }
  return Int32(best)
}`,
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

/** The functions that a piece of Swift calls and does not bring along, and those that they call. */
export function helpersFor(code: readonly string[]): string[] {
  const names = new Set<string>()
  const look = (text: string): void => {
    for (const [name, helper] of Object.entries(helpers)) {
      if (names.has(name) || !new RegExp(`(?<![.\\w]|func )${name}\\(`).test(text)) continue
      names.add(name)
      look(helper)
    }
  }
  look(code.join('\n'))
  return Object.entries(helpers).flatMap(([name, helper]) => (names.has(name) ? ['', ...linesOf(helper)] : []))
}
