// image-classification-conv: PerceiverForImageClassificationConvProcessing, image-classification. Written by silane …; another conversion replaces it.
// Add this file and model.mlpackage to a target. Xcode compiles packages into the app.
// Begin with `ImageClassificationConvModel.Classifier`; the structs that end in Program are the packages, a call each.

import CoreGraphics
import CoreML
import Foundation

enum ImageClassificationConvModel {
  final class Classifier {
    let model: ModelProgram

    init() throws {
      model = try ModelProgram()
    }

    /// The labels of a picture, the most likely first.
    func classify(_ picture: CGImage, count: Int = 5) throws -> [(label: String, probability: Float)] {
      let pixelValues = try preparePixelValues(of: picture).pixels
      let logits = try model.predict(pixelValues: pixelValues)
      let scores = logits.scalars.map { Float($0) }
      return Array(rankedLabels(scores, names: labels(of: model.model)).prefix(count))
    }
  }

  enum ProgramError: Error {
    /// A package is not in the app's bundle, or an output not in its program.
    case missing(String)
    /// Core Graphics could not draw a picture, or its sides are too unequal.
    case notDrawn
  }

  struct ModelProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("model")
    }

    /// `pixelValues`: [1, 3, 36, 44], row by row
    /// Gives `logits` [1, 7]
    func predict(pixelValues: [Float16]) throws -> MLShapedArray<Float16> {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "pixel_values": MLMultiArray(MLShapedArray<Float16>(scalars: pixelValues, shape: [1, 3, 36, 44])),
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

  /// What `pixelValues` takes: [1, 3, 36, 44].
  /// `width` and `height` are those of the part that the picture fills, from the upper left corner on. Turn a picture upright
  /// first: a CGImage does not say how it lies.
  static func preparePixelValues(of picture: CGImage) throws -> (pixels: [Float16], width: Int, height: Int) {
    let image = try picture
      .middleSquare(share: 1.0)
      .resized(width: 44, height: 36, quality: .high)
    guard image.width <= 44, image.height <= 36 else { throw ProgramError.notDrawn }
    let scale: [Float] = [0.017124753831663668, 0.01750700280112045, 0.017429193899782133]
    let bias: [Float] = [-2.1179039301310043, -2.0357142857142856, -1.8044444444444445]
    let bytes = try image.bytes()
    var pixels = [Float16](repeating: 0, count: 3 * 36 * 44)
    for channel in 0 ..< 3 {
      for y in 0 ..< image.height {
        for x in 0 ..< image.width {
          let byte = Float(bytes[4 * (y * image.width + x) + channel])
          pixels[(channel * 36 + y) * 44 + x] = Float16(byte * scale[channel] + bias[channel])
        }
      }
    }
    return (pixels: pixels, width: image.width, height: image.height)
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
}

fileprivate extension CGImage {
  /// At another size. Core Graphics resamples in its own way and not in Pillow's, so that numbers differ slightly from those
  /// that `silane` and transformers compute.
  func resized(width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
    try drawn(CGRect(x: 0, y: 0, width: width, height: height), width: width, height: height, quality: quality)
  }

  /// The middle; what the picture does not have is black.
  func middle(width newWidth: Int, height newHeight: Int) throws -> CGImage {
    let left = (width - newWidth) >> 1
    let top = (height - newHeight) >> 1
    let place = CGRect(x: -left, y: newHeight + top - height, width: width, height: height)
    return try drawn(place, width: newWidth, height: newHeight, quality: .none)
  }

  /// A square in the middle, with this share of the shorter side.
  func middleSquare(share: Double) throws -> CGImage {
    let side = Int(share * Double(min(width, height)))
    return try middle(width: side, height: side)
  }

  private func drawn(_ place: CGRect, width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
    guard width > 0, height > 0 else { throw ImageClassificationConvModel.ProgramError.notDrawn }
    let context = try ImageClassificationConvModel.makeCanvas(nil, width: width, height: height, bytesPerRow: 4 * width)
    context.interpolationQuality = quality
    context.draw(self, in: place)
    guard let image = context.makeImage() else { throw ImageClassificationConvModel.ProgramError.notDrawn }
    return image
  }

  /// Red, green, blue and one byte more of each pixel, from the upper left one on.
  func bytes() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4 * width * height)
    try bytes.withUnsafeMutableBytes { buffer in
      let context = try ImageClassificationConvModel.makeCanvas(buffer.baseAddress, width: width, height: height, bytesPerRow: 4 * width)
      context.draw(self, in: CGRect(x: 0, y: 0, width: width, height: height))
    }
    return bytes
  }
}
