// token-classification: BertForTokenClassification, token-classification. Written by silane …; another conversion replaces it.
// Add this file and model.mlpackage to a target. Xcode compiles packages into the app.
// Begin with `TokenClassificationModel.TextReader`; the structs that end in Program are the packages, a call each.

import CoreML
import Foundation
#if canImport(Tokenizers)
  import Tokenizers
#endif

enum TokenClassificationModel {
  final class TextReader {
    /// What the programs give.
    struct Reading {
      let logits: MLShapedArray<Float16>
      /// Tokens that were read; rows behind them mean nothing.
      let tokenCount: Int
    }

    /// The most tokens that a program takes.
    static let longest = 40

    let model: ModelProgram

    init() throws {
      model = try ModelProgram()
    }

    /// What the programs give for a text, whose ids the tokenizer gives with what it puts around a text; longer ones are cut.
    /// `segments`: 1 for the tokens of a second text; none where there is one text.
    func read(_ text: [Int32], segments: [Int32] = []) throws -> Reading {
      let text = truncated(text, to: Self.longest)
      let inputIds = try padded(text, to: 40)
      let attentionMask: [Int32] = (0 ..< 40).map { $0 < text.count ? 1 : 0 }
      let tokenTypeIds = try padded(truncated(segments, to: 40), to: 40)
      let logits = try model.predict(inputIds: inputIds, attentionMask: attentionMask, tokenTypeIds: tokenTypeIds)
      return Reading(logits: logits, tokenCount: text.count)
    }

    /// The most likely label of every token, by its place among the ids.
    func classifyTokens(_ text: [Int32], segments: [Int32] = []) throws -> [(label: String, probability: Float)] {
      let reading = try read(text, segments: segments)
      let names = labels(of: model.model)
      return (0 ..< reading.tokenCount).compactMap { place in
        rankedLabels(reading.logits[0, place].scalars.map { Float($0) }, names: names).first
      }
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

    /// `inputIds`: [1, 40], row by row
    /// `attentionMask`: [1, 40], row by row
    /// `tokenTypeIds`: [1, 40], row by row
    /// Gives `logits` [1, 40, 5]
    func predict(
      inputIds: [Int32], attentionMask: [Int32], tokenTypeIds: [Int32]
    ) throws -> MLShapedArray<Float16> {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "input_ids": MLMultiArray(MLShapedArray<Int32>(scalars: inputIds, shape: [1, 40])),
        "attention_mask": MLMultiArray(MLShapedArray<Int32>(scalars: attentionMask, shape: [1, 40])),
        "token_type_ids": MLMultiArray(MLShapedArray<Int32>(scalars: tokenTypeIds, shape: [1, 40])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try MLShapedArray<Float16>(tensor("logits", of: outputs))
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

  /// Labels with their probabilities, the most likely first.
  static func rankedLabels(_ scores: [Float], names: [Int: String]) -> [(label: String, probability: Float)] {
    softmax(scores).enumerated()
      .sorted { $0.element > $1.element }
      .map { (label: names[$0.offset] ?? "LABEL_\($0.offset)", probability: $0.element) }
  }

  static func softmax(_ scores: [Float]) -> [Float] {
    let largest = scores.max() ?? 0
    let exponentials = scores.map { exp($0 - largest) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }

  /// The names of classes, which the package itself carries.
  static func labels(of model: MLModel) -> [Int: String] {
    let own = model.modelDescription.metadata[MLModelMetadataKey.creatorDefinedKey] as? [String: String]
    guard
      let text = own?["id2label"],
      let names = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    else { return [:] }
    return Dictionary(uniqueKeysWithValues: names.compactMap { key, name in Int(key).map { ($0, name) } })
  }

  /// Ids with zeros behind them.
  static func padded(_ ids: [Int32], to length: Int) throws -> [Int32] {
    guard ids.count <= length else { throw ProgramError.wrongCount(ids.count) }
    return ids + [Int32](repeating: 0, count: length - ids.count)
  }
}

#if canImport(Tokenizers)
  extension TokenClassificationModel.TextReader {
    /// The tokenizer, through the package swift-transformers. `folder`: has tokenizer.json, tokenizer_config.json and
    /// config.json of the converted folder.
    static func tokenizer(in folder: URL) async throws -> any Tokenizer {
      try await AutoTokenizer.from(modelFolder: folder)
    }

    func read(_ text: String, by tokenizer: any Tokenizer) throws -> Reading {
      let ids = tokenizer.encode(text: text).map { Int32($0) }
      return try read(ids)
    }

    func classifyTokens(
      _ text: String, by tokenizer: any Tokenizer
    ) throws -> [(label: String, probability: Float)] {
      let ids = tokenizer.encode(text: text).map { Int32($0) }
      return try classifyTokens(ids)
    }
  }
#endif
