// What the generated Swift uses of Core Graphics, as Apple declares it: for a compiler that has none. Nothing here runs.
@_exported import Foundation

public final class CGColorSpace {
  public static let sRGB: CFString = CFString()
  public init?(name: CFString) {}
}

public final class CFString {}

public final class CGImage {
  public let width: Int = 0
  public let height: Int = 0
}

public enum CGImageAlphaInfo: UInt32 {
  case none, premultipliedLast, premultipliedFirst, last, first, noneSkipLast, noneSkipFirst, alphaOnly
}

public struct CGBitmapInfo: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static let byteOrder32Little = CGBitmapInfo(rawValue: 2 << 12)
}

public enum CGInterpolationQuality: Int32 {
  case `default`, none, low, high, medium
}

public final class CGContext {
  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int, space: CGColorSpace,
    bitmapInfo: UInt32
  ) {}
  public var interpolationQuality: CGInterpolationQuality = .default
  public func clear(_ rect: CGRect) {}
  public func draw(_ image: CGImage, in rect: CGRect, byTiling: Bool = false) {}
  public func makeImage() -> CGImage? { nil }
}
