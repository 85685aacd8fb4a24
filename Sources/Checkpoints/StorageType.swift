import Kernels

/// How a checkpoint stores the elements of a tensor: in blocks of `blockSize` elements that take
/// `bytesPerBlock` bytes each (plain types: blocks of one).
///
/// Quantised layouts are ggml's (`ggml-common.h`); their arithmetic is in `Sources/Kernels/dequantize.c`.
public enum StorageType: String, Sendable, Hashable, CaseIterable {
  case float32, float16, bfloat16, float64
  // The quantised ones have ggml's names.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q8_0, q4_0, q4_1, q5_0, q5_1
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_K, q5_K, q6_K
  case int64, int32, int16, int8, uint8, bool

  /// Elements in a block. The last dimension of a tensor is a multiple of it.
  public var blockSize: Int {
    switch self {
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1: 32
    case .q4_K, .q5_K, .q6_K: 256
    default: 1
    }
  }

  /// Bytes of a block.
  public var bytesPerBlock: Int {
    switch self {
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .float64, .int64: 8
    case .int8, .uint8, .bool: 1
    case .q8_0: 34
    case .q4_0: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    }
  }

  /// Whether `StoredTensor.widen` reads it.
  public var isWidenable: Bool { widening != nil }

  /// Whether weights can be written in it.
  public var isWritable: Bool { self == .float32 || self == .float16 || self == .bfloat16 }

  /// The `dtype` of a safetensors header, where the format has the type.
  /// https://github.com/huggingface/safetensors#format
  public var safetensorsName: String? {
    switch self {
    case .float64: "F64"
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .int64: "I64"
    case .int32: "I32"
    case .int16: "I16"
    case .int8: "I8"
    case .uint8: "U8"
    case .bool: "BOOL"
    default: nil
    }
  }

  static let safetensorsNames: [String: StorageType] = Dictionary(
    uniqueKeysWithValues: allCases.compactMap { type in type.safetensorsName.map { ($0, type) } })

  /// `enum ggml_type`, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
  static let ggmlTypes: [UInt32: StorageType] = [
    0: .float32, 1: .float16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0,
    12: .q4_K, 13: .q5_K, 14: .q6_K,
    24: .int8, 25: .int16, 26: .int32, 27: .int64, 28: .float64, 30: .bfloat16,
  ]

  typealias Widening = @convention(c) (UnsafePointer<UInt8>?, UnsafeMutablePointer<Float>?, Int64) -> Void

  /// The kernel that turns blocks into float32.
  var widening: Widening? {
    switch self {
    case .float32: ap_widen_f32
    case .float16: ap_widen_f16
    case .bfloat16: ap_widen_bf16
    case .float64: ap_widen_f64
    case .q8_0: ap_widen_q8_0
    case .q4_0: ap_widen_q4_0
    case .q4_1: ap_widen_q4_1
    case .q5_0: ap_widen_q5_0
    case .q5_1: ap_widen_q5_1
    case .q4_K: ap_widen_q4_K
    case .q5_K: ap_widen_q5_K
    case .q6_K: ap_widen_q6_K
    case .int64, .int32, .int16, .int8, .uint8, .bool: nil
    }
  }

  /// Bytes of a tensor of `shape`, or nil if its last dimension is no multiple of the block or if the
  /// number does not fit in an `Int`.
  public func byteCount(shape: [Int]) -> Int? {
    guard let elements = checkedProduct(shape), (shape.last ?? 1) % blockSize == 0 else { return nil }
    let (bytes, overflow) = (elements / blockSize).multipliedReportingOverflow(by: bytesPerBlock)
    return overflow ? nil : bytes
  }
}

/// The product of non-negative factors, or nil if one is negative or it does not fit.
func checkedProduct(_ factors: [Int]) -> Int? {
  var product = 1
  for factor in factors {
    guard factor >= 0 else { return nil }
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    if overflow { return nil }
    product = next
  }
  return product
}
