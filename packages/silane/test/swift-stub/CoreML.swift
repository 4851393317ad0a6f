// What the generated Swift uses of Core ML, as Apple declares it. Nothing here runs.
@_exported import CoreVideo

public enum MLComputeUnits: Int {
  case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine
}

open class MLModelConfiguration: NSObject {
  open var computeUnits: MLComputeUnits = .all
  open var functionName: String?
}

public struct MLModelMetadataKey: RawRepresentable, Hashable, Sendable {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public static let creatorDefinedKey = MLModelMetadataKey(rawValue: "creatorDefined")
}

open class MLModelDescription: NSObject {
  open var metadata: [MLModelMetadataKey: Any] { [:] }
}

open class MLState: NSObject {}

open class MLModel: NSObject {
  public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {}
  open var modelDescription: MLModelDescription { MLModelDescription() }
  open func makeState() -> MLState { MLState() }
  open func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider { input }
  open func prediction(from input: any MLFeatureProvider, using state: MLState) throws -> any MLFeatureProvider { input }
}

open class MLFeatureValue: NSObject {
  public convenience init(pixelBuffer value: CVPixelBuffer) { self.init() }
  public convenience init(multiArray value: MLMultiArray) { self.init() }
  open var multiArrayValue: MLMultiArray? { nil }
}

public protocol MLFeatureProvider: NSObjectProtocol {
  var featureNames: Set<String> { get }
  func featureValue(for featureName: String) -> MLFeatureValue?
}

open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
  public init(dictionary: [String: Any]) throws {}
  open var featureNames: Set<String> { [] }
  open func featureValue(for featureName: String) -> MLFeatureValue? { nil }
}

public protocol MLShapedArrayScalar {}
extension Float16: MLShapedArrayScalar {}
extension Float: MLShapedArrayScalar {}
extension Double: MLShapedArrayScalar {}
extension Int32: MLShapedArrayScalar {}

open class MLMultiArray: NSObject {
  public convenience init<A: MLShapedArrayProtocol>(_ shapedArray: A) { self.init() }
  public func withUnsafeMutableBufferPointer<S: MLShapedArrayScalar, R>(
    ofType: S.Type, _ body: (UnsafeMutableBufferPointer<S>, [Int]) throws -> R
  ) rethrows -> R { fatalError() }
}

public protocol MLShapedArrayProtocol<Scalar> {
  associatedtype Scalar: MLShapedArrayScalar
  init(_ multiArray: MLMultiArray)
  init(converting multiArray: MLMultiArray)
  init<S: Sequence>(scalars: S, shape: [Int]) where S.Element == Scalar
  init(repeating value: Scalar, shape: [Int])
  var shape: [Int] { get }
  var scalars: [Scalar] { get set }
  subscript(indices: Int...) -> MLShapedArraySlice<Scalar> { get }
  subscript(bounds: any Swift.RangeExpression<Int>) -> MLShapedArraySlice<Scalar> { get }
}

public struct MLShapedArray<Scalar: MLShapedArrayScalar>: MLShapedArrayProtocol {
  public init(_ multiArray: MLMultiArray) {}
  public init(converting multiArray: MLMultiArray) {}
  public init<S: Sequence>(scalars: S, shape: [Int]) where S.Element == Scalar {}
  public init(repeating value: Scalar, shape: [Int]) {}
  public var shape: [Int] { [] }
  public var scalars: [Scalar] { get { [] } set {} }
  public subscript(indices: Int...) -> MLShapedArraySlice<Scalar> { fatalError() }
  public subscript(bounds: any RangeExpression<Int>) -> MLShapedArraySlice<Scalar> { fatalError() }
}

public struct MLShapedArraySlice<Scalar: MLShapedArrayScalar>: MLShapedArrayProtocol {
  public init(_ multiArray: MLMultiArray) {}
  public init(converting multiArray: MLMultiArray) {}
  public init<S: Sequence>(scalars: S, shape: [Int]) where S.Element == Scalar {}
  public init(repeating value: Scalar, shape: [Int]) {}
  public var shape: [Int] { [] }
  public var scalars: [Scalar] { get { [] } set {} }
  public subscript(indices: Int...) -> MLShapedArraySlice<Scalar> { fatalError() }
  public subscript(bounds: any RangeExpression<Int>) -> MLShapedArraySlice<Scalar> { fatalError() }
}
