// opt: Blip2ForConditionalGeneration, image-to-text. Written by silane …; another conversion replaces it.
// Add this file and vision_encoder.mlpackage, qformer.mlpackage, embed_tokens.mlpackage, decoder.mlpackage to a target. Xcode compiles packages into the app.
// Begin with `OptModel.Generator`; the structs that end in Program are the packages, a call each.

import CoreGraphics
import CoreML
import Foundation
#if canImport(Tokenizers)
  import Tokenizers
#endif

enum OptModel {
  final class Generator {
    /// How the next token is chosen.
    enum Choice {
      /// The most likely one.
      case greedy
      /// By chance, among the `topK` most likely ones and of these the ones that make up `topP`.
      case sampled(temperature: Float = 1, topK: Int = 50, topP: Float = 1)
    }

    /// Tokens that end a text.
    let stopTokens: Set<Int32> = [2]
    let visionEncoder: VisionEncoderProgram
    let qformer: QformerProgram
    let embedTokensPrefill: EmbedTokensPrefillProgram
    let decoderPrefill: DecoderPrefillProgram
    let embedTokensStep: EmbedTokensStepProgram
    let decoderStep: DecoderStepProgram

    init() throws {
      visionEncoder = try VisionEncoderProgram()
      qformer = try QformerProgram()
      embedTokensPrefill = try EmbedTokensPrefillProgram()
      decoderPrefill = try DecoderPrefillProgram()
      embedTokensStep = try EmbedTokensStepProgram()
      decoderStep = try DecoderStepProgram()
    }

    /// The ids of a text about a picture, up to one that ends it, and that one. What generation_config.json may ask for besides,
    /// such as beams and penalties, is not here.
    /// `text`: ids of a text, with what the tokenizer puts around it; those of a picture are put before them.
    /// A question is asked as `Question: {question} Answer:`.
    func generate(
      about picture: CGImage, text: [Int32], choice: Choice = .greedy, maxTokens: Int = 20
    ) throws -> [Int32] {
      let ids = [Int32](repeating: 139, count: 6) + text
      let pixelValues = try preparePixelValues(of: picture).pixels
      let imageEmbeds = try visionEncoder.predict(pixelValues: pixelValues)
      let languageModelInputs = try qformer.predict(imageEmbeds: MLMultiArray(imageEmbeds)).languageModelInputs
      var memory = Memory(languageModelInputs: languageModelInputs)
      var tokens = try [choose(read(ids, into: &memory), choice)]
      while let last = tokens.last, !stopTokens.contains(last), tokens.count < maxTokens, memory.length < Self.context {
        try tokens.append(choose(read([last], into: &memory), choice))
      }
      return tokens
    }

    /// Tokens that fit into the cache.
    static let context = 96

    /// What has been read.
    struct Memory {
      let keyCache = MLMultiArray(MLShapedArray<Float16>(repeating: 0, shape: [2, 48, 1, 96]))
      let valueCache = MLMultiArray(MLShapedArray<Float16>(repeating: 0, shape: [2, 48, 1, 96]))
      let languageModelInputs: MLShapedArray<Float16>
      /// Tokens in the cache.
      var length = 0
      /// Rows that stand in the places of ids.
      var placed = 0
    }

    /// Reads ids behind those that `memory` holds, and gives the scores of what may come next.
    func read(_ ids: [Int32], into memory: inout Memory) throws -> [Float] {
      guard memory.length + ids.count <= Self.context else { throw ProgramError.wrongCount(memory.length + ids.count) }
      var scores: [Float] = []
      var done = 0
      while done < ids.count {
        let rest = ids.count - done
        if rest == 1 {
          scores = try readStep([ids[done]], into: &memory)
          done += 1
        } else {
          let count = min(rest, 64)
          scores = try readPrefill(Array(ids[done ..< done + count]), into: &memory)
          done += count
        }
      }
      return scores
    }

    /// Reads up to 64 tokens in one call.
    private func readPrefill(_ ids: [Int32], into memory: inout Memory) throws -> [Float] {
      let positions = (0 ..< 64).map { Int32(min(memory.length + $0, Self.context - 1)) }
      let vectors = try embedTokensPrefill.predict(inputIds: padded(ids, to: 64))
      let filled = try placing(memory.languageModelInputs, forId: 139, of: ids, among: vectors, from: memory.placed)
      let entry = MLMultiArray(filled)
      memory.placed += ids.filter { $0 == 139 }.count
      let outputs = try decoderPrefill.predict(
        inputsEmbeds: entry, positionIds: positions, keyCache: memory.keyCache, valueCache: memory.valueCache
      )
      store(outputs.keyUpdate, count: ids.count, into: memory.keyCache, at: memory.length)
      store(outputs.valueUpdate, count: ids.count, into: memory.valueCache, at: memory.length)
      memory.length += ids.count
      return outputs.logits[0, ids.count - 1].scalars.map { Float($0) }
    }

    /// Reads one token.
    private func readStep(_ ids: [Int32], into memory: inout Memory) throws -> [Float] {
      let positions = (0 ..< 1).map { Int32(min(memory.length + $0, Self.context - 1)) }
      let vectors = try embedTokensStep.predict(inputIds: ids)
      let filled = try placing(memory.languageModelInputs, forId: 139, of: ids, among: vectors, from: memory.placed)
      let entry = MLMultiArray(filled)
      memory.placed += ids.filter { $0 == 139 }.count
      let outputs = try decoderStep.predict(
        inputsEmbeds: entry, positionIds: positions, keyCache: memory.keyCache, valueCache: memory.valueCache
      )
      store(outputs.keyUpdate, count: ids.count, into: memory.keyCache, at: memory.length)
      store(outputs.valueUpdate, count: ids.count, into: memory.valueCache, at: memory.length)
      memory.length += ids.count
      return outputs.logits[0, ids.count - 1].scalars.map { Float($0) }
    }
  }

  enum ProgramError: Error {
    /// A package is not in the app's bundle, or an output not in its program.
    case missing(String)
    /// So many tokens, points or rows are not what a program takes.
    case wrongCount(Int)
    /// Core Graphics could not draw a picture, or its sides are too unequal.
    case notDrawn
    /// There is nothing to choose from.
    case nothingToChoose
  }

  struct VisionEncoderProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("vision_encoder")
    }

    /// `pixelValues`: [1, 3, 28, 28], row by row
    /// Gives `lastHiddenState` [1, 17, 40]
    func predict(pixelValues: [Float16]) throws -> MLShapedArray<Float16> {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "pixel_values": MLMultiArray(MLShapedArray<Float16>(scalars: pixelValues, shape: [1, 3, 28, 28])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try MLShapedArray<Float16>(tensor("last_hidden_state", of: outputs))
    }
  }

  struct QformerProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("qformer")
    }

    /// `imageEmbeds`: [1, 17, 40]
    /// Gives `queryOutput` [1, 6, 32], `languageModelInputs` [1, 6, 48]
    func predict(
      imageEmbeds: MLMultiArray
    ) throws -> (queryOutput: MLShapedArray<Float16>, languageModelInputs: MLShapedArray<Float16>) {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "image_embeds": imageEmbeds,
      ])
      let outputs = try model.prediction(from: inputs)
      return try (
        queryOutput: MLShapedArray<Float16>(tensor("query_output", of: outputs)),
        languageModelInputs: MLShapedArray<Float16>(tensor("language_model_inputs", of: outputs))
      )
    }
  }

  struct EmbedTokensPrefillProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("embed_tokens", function: "prefill")
    }

    /// `inputIds`: [1, 64], row by row
    /// Gives `inputsEmbeds` [1, 64, 48]
    func predict(inputIds: [Int32]) throws -> MLShapedArray<Float16> {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "input_ids": MLMultiArray(MLShapedArray<Int32>(scalars: inputIds, shape: [1, 64])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try MLShapedArray<Float16>(tensor("inputs_embeds", of: outputs))
    }
  }

  struct EmbedTokensStepProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("embed_tokens", function: "step")
    }

    /// `inputIds`: [1, 1], row by row
    /// Gives `inputsEmbeds` [1, 1, 48]
    func predict(inputIds: [Int32]) throws -> MLShapedArray<Float16> {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "input_ids": MLMultiArray(MLShapedArray<Int32>(scalars: inputIds, shape: [1, 1])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try MLShapedArray<Float16>(tensor("inputs_embeds", of: outputs))
    }
  }

  struct DecoderPrefillProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("decoder", function: "prefill")
    }

    /// `inputsEmbeds`: [1, 64, 48]
    /// `positionIds`: [1, 64], row by row
    /// `keyCache`: [2, 48, 1, 96]
    /// `valueCache`: [2, 48, 1, 96]
    /// Gives `logits` [1, 64, 140], `keyUpdate` [2, 48, 1, 64], `valueUpdate` [2, 48, 1, 64]
    func predict(
      inputsEmbeds: MLMultiArray, positionIds: [Int32], keyCache: MLMultiArray, valueCache: MLMultiArray
    ) throws -> (logits: MLShapedArray<Float16>, keyUpdate: MLShapedArray<Float16>, valueUpdate: MLShapedArray<Float16>) {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "inputs_embeds": inputsEmbeds,
        "position_ids": MLMultiArray(MLShapedArray<Int32>(scalars: positionIds, shape: [1, 64])),
        "key_cache": keyCache,
        "value_cache": valueCache,
      ])
      let outputs = try model.prediction(from: inputs)
      return try (
        logits: MLShapedArray<Float16>(tensor("logits", of: outputs)),
        keyUpdate: MLShapedArray<Float16>(tensor("key_update", of: outputs)),
        valueUpdate: MLShapedArray<Float16>(tensor("value_update", of: outputs))
      )
    }
  }

  struct DecoderStepProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("decoder", function: "step")
    }

    /// `inputsEmbeds`: [1, 1, 48]
    /// `positionIds`: [1, 1], row by row
    /// `keyCache`: [2, 48, 1, 96]
    /// `valueCache`: [2, 48, 1, 96]
    /// Gives `logits` [1, 1, 140], `keyUpdate` [2, 48, 1, 1], `valueUpdate` [2, 48, 1, 1]
    func predict(
      inputsEmbeds: MLMultiArray, positionIds: [Int32], keyCache: MLMultiArray, valueCache: MLMultiArray
    ) throws -> (logits: MLShapedArray<Float16>, keyUpdate: MLShapedArray<Float16>, valueUpdate: MLShapedArray<Float16>) {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "inputs_embeds": inputsEmbeds,
        "position_ids": MLMultiArray(MLShapedArray<Int32>(scalars: positionIds, shape: [1, 1])),
        "key_cache": keyCache,
        "value_cache": valueCache,
      ])
      let outputs = try model.prediction(from: inputs)
      return try (
        logits: MLShapedArray<Float16>(tensor("logits", of: outputs)),
        keyUpdate: MLShapedArray<Float16>(tensor("key_update", of: outputs)),
        valueUpdate: MLShapedArray<Float16>(tensor("value_update", of: outputs))
      )
    }
  }

  /// A package, which Xcode has compiled into the app.
  static func loadModel(_ name: String, function: String? = nil) throws -> MLModel {
    guard let url = Bundle.main.url(forResource: name, withExtension: "mlmodelc") else { throw ProgramError.missing(name) }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = .cpuAndNeuralEngine
    if let function { configuration.functionName = function }
    return try MLModel(contentsOf: url, configuration: configuration)
  }

  /// The tensor that an output is.
  static func tensor(_ name: String, of outputs: MLFeatureProvider) throws -> MLMultiArray {
    guard let array = outputs.featureValue(for: name)?.multiArrayValue else { throw ProgramError.missing(name) }
    return array
  }

  /// Where pictures are drawn, in sRGB and from black on. The origin of Core Graphics is the lower left corner.
  static func makeCanvas(
    _ data: UnsafeMutableRawPointer?, width: Int, height: Int, bytesPerRow: Int,
    layout: UInt32 = CGImageAlphaInfo.noneSkipLast.rawValue
  ) throws -> CGContext {
    guard
      let space = CGColorSpace(name: CGColorSpace.sRGB),
      let context = CGContext(
        data: data, width: width, height: height, bitsPerComponent: 8, bytesPerRow: bytesPerRow, space: space, bitmapInfo: layout)
    else { throw ProgramError.notDrawn }
    context.clear(CGRect(x: 0, y: 0, width: width, height: height))
    return context
  }

  /// What `pixelValues` takes: [1, 3, 28, 28].
  /// `width` and `height` are those of the part that the picture fills, from the upper left corner on. Turn a picture upright
  /// first: a CGImage does not say how it lies.
  static func preparePixelValues(of picture: CGImage) throws -> (pixels: [Float16], width: Int, height: Int) {
    let image = try picture
      .resized(width: 28, height: 28, quality: .high)
    guard image.width <= 28, image.height <= 28 else { throw ProgramError.notDrawn }
    let scale: [Float] = [0.014598426619242919, 0.015007768493717055, 0.014220065717024086]
    let bias: [Float] = [-1.79226253374815, -1.7520971281645974, -1.4802197687835659]
    let bytes = try image.bytes()
    var pixels = [Float16](repeating: 0, count: 3 * 28 * 28)
    for channel in 0 ..< 3 {
      for y in 0 ..< image.height {
        for x in 0 ..< image.width {
          let byte = Float(bytes[4 * (y * image.width + x) + channel])
          pixels[(channel * 28 + y) * 28 + x] = Float16(byte * scale[channel] + bias[channel])
        }
      }
    }
    return (pixels: pixels, width: image.width, height: image.height)
  }

  /// The next token by its scores.
  static func choose(_ scores: [Float], _ choice: Generator.Choice) throws -> Int32 {
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
  }

  /// Ids with zeros behind them.
  static func padded(_ ids: [Int32], to length: Int) throws -> [Int32] {
    guard ids.count <= length else { throw ProgramError.wrongCount(ids.count) }
    return ids + [Int32](repeating: 0, count: length - ids.count)
  }

  /// The place of the largest score.
  static func mostLikely(_ scores: [Float]) throws -> Int32 {
    guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else { throw ProgramError.nothingToChoose }
    return Int32(best)
  }

  /// Vectors [1, S, C] with rows [1, N, C], from `first` on, in the places where ids are `id`.
  static func placing<Scalar: MLShapedArrayScalar>(
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
  }

  /// Puts the first columns of an update [L, C, B, S] into a cache [L, C, B, N], from a slot on.
  static func store<Scalar: MLShapedArrayScalar>(_ update: MLShapedArray<Scalar>, count: Int, into cache: MLMultiArray, at slot: Int) {
    let fresh = update.scalars
    let (channels, rows, width) = (update.shape[1], update.shape[2], update.shape[3])
    cache.withUnsafeMutableBufferPointer(ofType: Scalar.self) { slots, strides in
      for row in 0 ..< fresh.count / width {
        let (layer, channel, line) = (row / (channels * rows), row / rows % channels, row % rows)
        let start = layer * strides[0] + channel * strides[1] + line * strides[2]
        for i in 0 ..< count { slots[start + (slot + i) * strides[3]] = fresh[row * width + i] }
      }
    }
  }
}

fileprivate extension CGImage {
  /// At another size. Core Graphics resamples in its own way and not in Pillow's, so that numbers differ slightly from those
  /// that `silane` and transformers compute.
  func resized(width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
    try drawn(CGRect(x: 0, y: 0, width: width, height: height), width: width, height: height, quality: quality)
  }

  private func drawn(_ place: CGRect, width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
    guard width > 0, height > 0 else { throw OptModel.ProgramError.notDrawn }
    let context = try OptModel.makeCanvas(nil, width: width, height: height, bytesPerRow: 4 * width)
    context.interpolationQuality = quality
    context.draw(self, in: place)
    guard let image = context.makeImage() else { throw OptModel.ProgramError.notDrawn }
    return image
  }

  /// Red, green, blue and one byte more of each pixel, from the upper left one on.
  func bytes() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4 * width * height)
    try bytes.withUnsafeMutableBytes { buffer in
      let context = try OptModel.makeCanvas(buffer.baseAddress, width: width, height: height, bytesPerRow: 4 * width)
      context.draw(self, in: CGRect(x: 0, y: 0, width: width, height: height))
    }
    return bytes
  }
}

#if canImport(Tokenizers)
  extension OptModel.Generator {
    /// The tokenizer, through the package swift-transformers. `folder`: has tokenizer.json, tokenizer_config.json and
    /// config.json of the converted folder.
    static func tokenizer(in folder: URL) async throws -> any Tokenizer {
      try await AutoTokenizer.from(modelFolder: folder)
    }

    func generate(
      about picture: CGImage, text: String, by tokenizer: any Tokenizer, choice: Choice = .greedy,
      maxTokens: Int = 20
    ) throws -> String {
      let ids = tokenizer.encode(text: text).map { Int32($0) }
      let tokens = try generate(about: picture, text: ids, choice: choice, maxTokens: maxTokens)
      return tokenizer.decode(tokens: tokens.filter { !stopTokens.contains($0) }.map { Int($0) })
    }
  }
#endif
