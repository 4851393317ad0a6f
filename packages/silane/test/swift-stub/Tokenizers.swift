// What the generated Swift uses of Tokenizers, of the package swift-transformers. Nothing here runs.
import Foundation

public protocol Tokenizer: Sendable {
  func encode(text: String) -> [Int]
  func encode(text: String, addSpecialTokens: Bool) -> [Int]
  func decode(tokens: [Int], skipSpecialTokens: Bool) -> String
}

extension Tokenizer {
  public func decode(tokens: [Int]) -> String { decode(tokens: tokens, skipSpecialTokens: false) }
}

public enum AutoTokenizer {
  public static func from(modelFolder: URL, strict: Bool = true) async throws -> any Tokenizer { fatalError() }
}
