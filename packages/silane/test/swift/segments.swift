// boxes: SamModel, mask-generation. Written by silane …; another conversion replaces it.
// Add this file and vision_encoder.mlpackage, prompt_encoder_mask_decoder.mlpackage to a target. Xcode compiles packages into the app.
// Begin with `BoxesModel.Segmenter`; the structs that end in Program are the packages, a call each.

import CoreGraphics
import CoreML
import Foundation

enum BoxesModel {
  /// A place in pixels of the picture, from its upper left corner. `label`: 1 where it belongs to what is meant, 0 where it does not.
  struct PromptPoint {
    var x: Float
    var y: Float
    var label = 1
  }

  /// What is inside, row by row at the size of the picture, and how good the model thinks that this is.
  struct PictureMask {
    let width: Int
    let height: Int
    let score: Float
    let inside: [Bool]
  }

  final class Segmenter {
    /// A picture that was read once and can be asked about often.
    struct ReadPicture {
      let width: Int
      let height: Int
      /// The part of what the program read that the picture fills.
      let resizedWidth: Int
      let resizedHeight: Int
      let imageEmbeddings: MLShapedArray<Float16>
    }

    let visionEncoder: VisionEncoderProgram
    let promptEncoderMaskDecoder: PromptEncoderMaskDecoderProgram

    init() throws {
      visionEncoder = try VisionEncoderProgram()
      promptEncoderMaskDecoder = try PromptEncoderMaskDecoderProgram()
    }

    func read(_ picture: CGImage) throws -> ReadPicture {
      let prepared = try preparePixelValues(of: picture)
      let imageEmbeddings = try visionEncoder.predict(pixelValues: prepared.pixels)
      return ReadPicture(
        width: picture.width, height: picture.height, resizedWidth: prepared.width, resizedHeight: prepared.height,
        imageEmbeddings: imageEmbeddings
      )
    }

    /// The best of 3 masks: the one that the model gives the highest score. `box` is in pixels of the picture, from its upper left corner.
    func segment(_ picture: ReadPicture, points: [PromptPoint] = [], box: CGRect) throws -> PictureMask {
      guard (0 ... 4).contains(points.count) else { throw ProgramError.wrongCount(points.count) }
      let across = Float(picture.resizedWidth) / Float(picture.width)
      let down = Float(picture.resizedHeight) / Float(picture.height)
      let free = 4 - points.count
      let inputPoints: [Float] = points.flatMap { [$0.x * across, $0.y * down] } + [Float](repeating: 0, count: 2 * free)
      // -2: no point stands here.
      let inputLabels: [Int32] = points.map { Int32($0.label) } + [Int32](repeating: -2, count: free)
      let inputBoxes: [Float] = [Float(box.minX) * across, Float(box.minY) * down, Float(box.maxX) * across, Float(box.maxY) * down]
      let promptEncoderMaskDecoderOutputs = try promptEncoderMaskDecoder.predict(
        imageEmbeddings: MLMultiArray(picture.imageEmbeddings), inputPoints: inputPoints, inputLabels: inputLabels,
        inputBoxes: inputBoxes
      )
      let iouScores = promptEncoderMaskDecoderOutputs.iouScores
      let predMasks = promptEncoderMaskDecoderOutputs.predMasks
      let scores = iouScores.scalars.map { Float($0) }
      guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else { throw ProgramError.nothingToChoose }
      let values = predMasks.scalars[best * 784 ..< (best + 1) * 784].map { Float($0) }
      // As large as what the program read, cut to the part that the picture fills, then as large as the picture: two resizes do not
      // merge into one.
      let plane = Plane(width: 28, height: 28, values: values)
        .resized(width: 112, height: 112)
        .cropped(width: picture.resizedWidth, height: picture.resizedHeight)
        .resized(width: picture.width, height: picture.height)
      return PictureMask(width: picture.width, height: picture.height, score: scores[best], inside: plane.values.map { $0 > 0 })
    }
  }

  /// Numbers in rows.
  struct Plane {
    let width: Int
    let height: Int
    let values: [Float]

    /// At another size: bilinear between the middles of pixels, as the model's own code does it.
    func resized(width newWidth: Int, height newHeight: Int) -> Plane {
      let columns = Plane.neighbours(from: width, to: newWidth)
      let rows = Plane.neighbours(from: height, to: newHeight)
      var result: [Float] = []
      result.reserveCapacity(newWidth * newHeight)
      for row in rows {
        for column in columns {
          let upper = mixed(row.low * width + column.low, row.low * width + column.high, column.rest)
          let lower = mixed(row.high * width + column.low, row.high * width + column.high, column.rest)
          result.append(upper * (1 - row.rest) + lower * row.rest)
        }
      }
      return Plane(width: newWidth, height: newHeight, values: result)
    }

    /// The upper left part.
    func cropped(width newWidth: Int, height newHeight: Int) -> Plane {
      let rows = (0 ..< newHeight).flatMap { values[$0 * width ..< $0 * width + newWidth] }
      return Plane(width: newWidth, height: newHeight, values: rows)
    }

    private func mixed(_ first: Int, _ second: Int, _ rest: Float) -> Float {
      values[first] * (1 - rest) + values[second] * rest
    }

    /// For each place its two neighbours, and how far it is from the first.
    private static func neighbours(from count: Int, to newCount: Int) -> [(low: Int, high: Int, rest: Float)] {
      (0 ..< newCount).map { place in
        let at = max(0, (Float(place) + 0.5) * Float(count) / Float(newCount) - 0.5)
        let low = min(Int(at), count - 1)
        return (low: low, high: min(low + 1, count - 1), rest: min(at - Float(low), 1))
      }
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

    /// `pixelValues`: [1, 3, 112, 112], row by row
    /// Gives `imageEmbeddings` [1, 32, 7, 7]
    func predict(pixelValues: [Float16]) throws -> MLShapedArray<Float16> {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "pixel_values": MLMultiArray(MLShapedArray<Float16>(scalars: pixelValues, shape: [1, 3, 112, 112])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try MLShapedArray<Float16>(tensor("image_embeddings", of: outputs))
    }
  }

  struct PromptEncoderMaskDecoderProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("prompt_encoder_mask_decoder")
    }

    /// `imageEmbeddings`: [1, 32, 7, 7]
    /// `inputPoints`: [1, 1, 4, 2], row by row
    /// `inputLabels`: [1, 1, 4], row by row
    /// `inputBoxes`: [1, 1, 4], row by row
    /// Gives `iouScores` [1, 1, 3], `predMasks` [1, 1, 3, 28, 28]
    func predict(
      imageEmbeddings: MLMultiArray, inputPoints: [Float], inputLabels: [Int32], inputBoxes: [Float]
    ) throws -> (iouScores: MLShapedArray<Float16>, predMasks: MLShapedArray<Float16>) {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "image_embeddings": imageEmbeddings,
        "input_points": MLMultiArray(MLShapedArray<Float>(scalars: inputPoints, shape: [1, 1, 4, 2])),
        "input_labels": MLMultiArray(MLShapedArray<Int32>(scalars: inputLabels, shape: [1, 1, 4])),
        "input_boxes": MLMultiArray(MLShapedArray<Float>(scalars: inputBoxes, shape: [1, 1, 4])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try (
        iouScores: MLShapedArray<Float16>(tensor("iou_scores", of: outputs)),
        predMasks: MLShapedArray<Float16>(tensor("pred_masks", of: outputs))
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

  /// What `pixelValues` takes: [1, 3, 112, 112].
  /// `width` and `height` are those of the part that the picture fills, from the upper left corner on. Turn a picture upright
  /// first: a CGImage does not say how it lies.
  static func preparePixelValues(of picture: CGImage) throws -> (pixels: [Float16], width: Int, height: Int) {
    let image = try picture
      .resized(longestSide: 112, quality: .high)
    guard image.width <= 112, image.height <= 112 else { throw ProgramError.notDrawn }
    let scale: [Float] = [0.017124753831663668, 0.01750700280112045, 0.017429193899782133]
    let bias: [Float] = [-2.1179039301310043, -2.0357142857142856, -1.8044444444444445]
    let bytes = try image.bytes()
    var pixels = [Float16](repeating: 0, count: 3 * 112 * 112)
    for channel in 0 ..< 3 {
      for y in 0 ..< image.height {
        for x in 0 ..< image.width {
          let byte = Float(bytes[4 * (y * image.width + x) + channel])
          pixels[(channel * 112 + y) * 112 + x] = Float16(byte * scale[channel] + bias[channel])
        }
      }
    }
    return (pixels: pixels, width: image.width, height: image.height)
  }
}

fileprivate extension CGImage {
  /// At another size. Core Graphics resamples in its own way and not in Pillow's, so that numbers differ slightly from those
  /// that `silane` and transformers compute.
  func resized(width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
    try drawn(CGRect(x: 0, y: 0, width: width, height: height), width: width, height: height, quality: quality)
  }

  /// The ratio of its sides stays, and the longer one becomes this long.
  func resized(longestSide: Int, quality: CGInterpolationQuality) throws -> CGImage {
    let factor = Double(longestSide) / Double(max(width, height))
    let scaled = { (side: Int) in Int((Double(side) * factor + 0.5).rounded(.down)) }
    return try resized(width: scaled(width), height: scaled(height), quality: quality)
  }

  private func drawn(_ place: CGRect, width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
    guard width > 0, height > 0 else { throw BoxesModel.ProgramError.notDrawn }
    let context = try BoxesModel.makeCanvas(nil, width: width, height: height, bytesPerRow: 4 * width)
    context.interpolationQuality = quality
    context.draw(self, in: place)
    guard let image = context.makeImage() else { throw BoxesModel.ProgramError.notDrawn }
    return image
  }

  /// Red, green, blue and one byte more of each pixel, from the upper left one on.
  func bytes() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4 * width * height)
    try bytes.withUnsafeMutableBytes { buffer in
      let context = try BoxesModel.makeCanvas(buffer.baseAddress, width: width, height: height, bytesPerRow: 4 * width)
      context.draw(self, in: CGRect(x: 0, y: 0, width: width, height: height))
    }
    return bytes
  }
}
