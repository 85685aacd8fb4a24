import Kernels

/// The type that a checkpoint stores a tensor's elements in. A block has `blockSize` elements and takes `bytesPerBlock`
/// bytes; a block of a plain type is one element.
///
/// Quantised layouts are ggml's (`ggml-common.h`). `Sources/Kernels/dequantize.c` has their arithmetic.
public enum StorageType: String, Sendable, Hashable, CaseIterable {
  case float32, float16, bfloat16, float64
  // ggml's names.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q8_0, q4_0, q4_1, q5_0, q5_1
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_K, q5_K, q6_K
  case int64, int32, int16, int8, uint8, bool

  /// What is known of a type besides ggml's number.
  private struct Layout {
    /// Bytes of a block.
    let bytes: Int
    var elements = 1
    /// The `dtype` of a safetensors header: https://github.com/huggingface/safetensors#format
    var safetensors: String?
    /// The kernel that turns blocks into float32.
    var kernel: Dequantizer?
  }

  private var layout: Layout {
    switch self {
    case .float64: Layout(bytes: 8, safetensors: "F64", kernel: ap_dequantize_f64)
    case .float32: Layout(bytes: 4, safetensors: "F32", kernel: ap_dequantize_f32)
    case .float16: Layout(bytes: 2, safetensors: "F16", kernel: ap_dequantize_f16)
    case .bfloat16: Layout(bytes: 2, safetensors: "BF16", kernel: ap_dequantize_bf16)
    case .q8_0: Layout(bytes: 34, elements: 32, kernel: ap_dequantize_q8_0)
    case .q4_0: Layout(bytes: 18, elements: 32, kernel: ap_dequantize_q4_0)
    case .q4_1: Layout(bytes: 20, elements: 32, kernel: ap_dequantize_q4_1)
    case .q5_0: Layout(bytes: 22, elements: 32, kernel: ap_dequantize_q5_0)
    case .q5_1: Layout(bytes: 24, elements: 32, kernel: ap_dequantize_q5_1)
    case .q4_K: Layout(bytes: 144, elements: 256, kernel: ap_dequantize_q4_K)
    case .q5_K: Layout(bytes: 176, elements: 256, kernel: ap_dequantize_q5_K)
    case .q6_K: Layout(bytes: 210, elements: 256, kernel: ap_dequantize_q6_K)
    case .int64: Layout(bytes: 8, safetensors: "I64")
    case .int32: Layout(bytes: 4, safetensors: "I32")
    case .int16: Layout(bytes: 2, safetensors: "I16")
    case .int8: Layout(bytes: 1, safetensors: "I8")
    case .uint8: Layout(bytes: 1, safetensors: "U8")
    case .bool: Layout(bytes: 1, safetensors: "BOOL")
    }
  }

  /// Elements of a block. The last dimension of a tensor is a multiple of it.
  public var blockSize: Int { layout.elements }
  public var bytesPerBlock: Int { layout.bytes }
  /// The `dtype` of a safetensors header; nil if the format lacks the type.
  public var safetensorsName: String? { layout.safetensors }
  var dequantizer: Dequantizer? { layout.kernel }

  /// Whether `StoredTensor.dequantize` reads it.
  public var isDequantizable: Bool { dequantizer != nil }
  /// Whether weights can be written in it.
  public var isWritable: Bool { self == .float32 || self == .float16 || self == .bfloat16 }

  static let safetensorsNames: [String: StorageType] = Dictionary(
    uniqueKeysWithValues: allCases.compactMap { type in type.safetensorsName.map { ($0, type) } })

  /// `enum ggml_type`, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
  static let ggmlTypes: [UInt32: StorageType] = [
    0: .float32, 1: .float16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0,
    12: .q4_K, 13: .q5_K, 14: .q6_K,
    24: .int8, 25: .int16, 26: .int32, 27: .int64, 28: .float64, 30: .bfloat16,
  ]

  typealias Dequantizer = @convention(c) (UnsafePointer<UInt8>?, UnsafeMutablePointer<Float>?, Int64) -> Void

  /// Bytes of a tensor of `shape`; nil if its last dimension is no multiple of the block, or the number does not fit in
  /// an `Int`.
  public func byteCount(shape: [Int]) -> Int? {
    guard let elements = checkedProduct(shape), (shape.last ?? 1) % blockSize == 0 else { return nil }
    let (bytes, overflow) = (elements / blockSize).multipliedReportingOverflow(by: bytesPerBlock)
    return overflow ? nil : bytes
  }
}

/// The product of non-negative factors; nil if one is negative or the product does not fit.
func checkedProduct(_ factors: [Int]) -> Int? {
  factors.reduce(1) { product, factor in
    guard let (next, overflow) = product?.multipliedReportingOverflow(by: factor), factor >= 0 else {
      return nil
    }
    return overflow ? nil : next
  }
}
