// sentence-transformers: BertModel, feature-extraction. Written by silane …; another conversion replaces it.
// Add this file and model.mlpackage to a target. Xcode compiles packages into the app.
// Begin with `SentenceTransformersModel.TextReader`; the structs that end in Program are the packages, a call each.

import CoreML
import Foundation
#if canImport(Tokenizers)
  import Tokenizers
#endif

enum SentenceTransformersModel {
  final class TextReader {
    /// What the programs give.
    struct Reading {
      let lastHiddenState: MLShapedArray<Float16>
      let poolerOutput: MLShapedArray<Float16>
      let sentenceEmbedding: MLShapedArray<Float16>
      /// Tokens that were read; rows behind them mean nothing.
      let tokenCount: Int
    }

    /// The most tokens that a program takes.
    static let longest = 24

    let model: ModelProgram

    init() throws {
      model = try ModelProgram()
    }

    /// What the programs give for a text, whose ids the tokenizer gives with what it puts around a text; longer ones are cut.
    /// `segments`: 1 for the tokens of a second text; none where there is one text.
    func read(_ text: [Int32], segments: [Int32] = []) throws -> Reading {
      let text = truncated(text, to: Self.longest)
      let inputIds = try padded(text, to: 24)
      let attentionMask: [Int32] = (0 ..< 24).map { $0 < text.count ? 1 : 0 }
      let tokenTypeIds = try padded(truncated(segments, to: 24), to: 24)
      let modelOutputs = try model.predict(
        inputIds: inputIds, attentionMask: attentionMask, tokenTypeIds: tokenTypeIds
      )
      let lastHiddenState = modelOutputs.lastHiddenState
      let poolerOutput = modelOutputs.poolerOutput
      let sentenceEmbedding = modelOutputs.sentenceEmbedding
      return Reading(
        lastHiddenState: lastHiddenState, poolerOutput: poolerOutput, sentenceEmbedding: sentenceEmbedding,
        tokenCount: text.count
      )
    }

    /// The vector of a text. Two are compared with `similarity`.
    func embed(_ text: [Int32]) throws -> [Float] {
      try read(text).sentenceEmbedding.scalars.map { Float($0) }
    }

    /// How alike two vectors are, from -1 to 1.
    static func similarity(_ a: [Float], _ b: [Float]) -> Float {
      cosineSimilarity(a, b)
    }
  }

  enum ProgramError: Error {
    /// A package is not in the app's bundle, or an output not in its program.
    case missing(String)
    /// So many tokens, points or rows are not what a program takes.
    case wrongCount(Int)
  }

  struct ModelProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("model")
    }

    /// `inputIds`: [1, 24], row by row
    /// `attentionMask`: [1, 24], row by row
    /// `tokenTypeIds`: [1, 24], row by row
    /// Gives `lastHiddenState` [1, 24, 48], `poolerOutput` [1, 48], `sentenceEmbedding` [1, 48]
    func predict(
      inputIds: [Int32], attentionMask: [Int32], tokenTypeIds: [Int32]
    ) throws -> (lastHiddenState: MLShapedArray<Float16>, poolerOutput: MLShapedArray<Float16>, sentenceEmbedding: MLShapedArray<Float16>) {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "input_ids": MLMultiArray(MLShapedArray<Int32>(scalars: inputIds, shape: [1, 24])),
        "attention_mask": MLMultiArray(MLShapedArray<Int32>(scalars: attentionMask, shape: [1, 24])),
        "token_type_ids": MLMultiArray(MLShapedArray<Int32>(scalars: tokenTypeIds, shape: [1, 24])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try (
        lastHiddenState: MLShapedArray<Float16>(tensor("last_hidden_state", of: outputs)),
        poolerOutput: MLShapedArray<Float16>(tensor("pooler_output", of: outputs)),
        sentenceEmbedding: MLShapedArray<Float16>(tensor("sentence_embedding", of: outputs))
      )
    }
  }

  /// A package, which Xcode has compiled into the app.
  static func loadModel(_ name: String) throws -> MLModel {
    guard let url = Bundle.main.url(forResource: name, withExtension: "mlmodelc") else { throw ProgramError.missing(name) }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = .cpuAndNeuralEngine
    return try MLModel(contentsOf: url, configuration: configuration)
  }

  /// The tensor that an output is.
  static func tensor(_ name: String, of outputs: MLFeatureProvider) throws -> MLMultiArray {
    guard let array = outputs.featureValue(for: name)?.multiArrayValue else { throw ProgramError.missing(name) }
    return array
  }

  /// What is too long loses its middle: the last token, which ends a text for many models, stays.
  static func truncated(_ ids: [Int32], to length: Int) -> [Int32] {
    ids.count <= length ? ids : Array(ids.prefix(length - 1)) + ids.suffix(1)
  }

  /// The cosine of the angle between two vectors.
  static func cosineSimilarity(_ a: [Float], _ b: [Float]) -> Float {
    let lengths = (dotProduct(a, a) * dotProduct(b, b)).squareRoot()
    return lengths > 0 ? dotProduct(a, b) / lengths : 0
  }

  static func dotProduct(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Ids with zeros behind them.
  static func padded(_ ids: [Int32], to length: Int) throws -> [Int32] {
    guard ids.count <= length else { throw ProgramError.wrongCount(ids.count) }
    return ids + [Int32](repeating: 0, count: length - ids.count)
  }
}

#if canImport(Tokenizers)
  extension SentenceTransformersModel.TextReader {
    /// The tokenizer, through the package swift-transformers. `folder`: has tokenizer.json, tokenizer_config.json and
    /// config.json of the converted folder.
    static func tokenizer(in folder: URL) async throws -> any Tokenizer {
      try await AutoTokenizer.from(modelFolder: folder)
    }

    func read(_ text: String, by tokenizer: any Tokenizer) throws -> Reading {
      let ids = tokenizer.encode(text: text).map { Int32($0) }
      return try read(ids)
    }

    func embed(_ text: String, by tokenizer: any Tokenizer) throws -> [Float] {
      let ids = tokenizer.encode(text: text).map { Int32($0) }
      return try embed(ids)
    }
  }
#endif
