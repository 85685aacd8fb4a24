import Foundation
import JSON
import PluginRuntime
import Testing

/// What the published code computes, recorded: `ADAPT_PRUNER_REFERENCE`, or `../shared/reference`.
enum Reference {
  static let folder: String = {
    let named = ProcessInfo.processInfo.environment["ADAPT_PRUNER_REFERENCE"]
    return named ?? URL(fileURLWithPath: packageRoot).deletingLastPathComponent().path + "/shared/reference"
  }()

  static let isHere: Bool = {
    let isHere = FileManager.default.fileExists(atPath: folder + "/DEFINITIONS.md")
    if !isHere { print("Skipped: no \(folder). Set ADAPT_PRUNER_REFERENCE.") }
    return isHere
  }()

  static func json(_ path: String) throws -> JSONValue {
    let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + path))
    return try JSONValue(parsing: [UInt8](data))
  }

  /// Tensors of float32 or float64 by name, flattened.
  static func tensors(_ path: String) throws -> [String: [Float]] {
    let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + path))
    let length = Int(
      data.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) })
    let header = try JSONValue(parsing: [UInt8](data[8..<(8 + length)]))
    var tensors: [String: [Float]] = [:]
    for member in header.objectValue?.members ?? [] where member.key != "__metadata__" {
      let offsets = try #require(member.value["data_offsets"]?.arrayValue).compactMap(\.integerValue)
      let bytes = [UInt8](data[(8 + length + offsets[0])..<(8 + length + offsets[1])])
      tensors[member.key] = bytes.withUnsafeBytes { bytes in
        member.value["dtype"] == "F64"
          ? (0..<(bytes.count / 8)).map {
            Float(bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self))
          }
          : (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }
    return tensors
  }
}

extension JSONValue {
  var numbers: [Double] { (arrayValue ?? []).compactMap(\.numberValue) }
  var integers: [Int] { (arrayValue ?? []).compactMap(\.integerValue) }
}

/// A matrix that a test holds.
struct TestMatrix {
  var name: String
  var axis: MatrixRequest.Axis
  var repeats = 1
  var positions = 1
  var rows: Int
  var columns: Int
  var weight: [Float]
  var statistics: [Statistic: [Float]] = [:]
}

/// Tests write statistics as plugins do, by their names.
extension Statistic: ExpressibleByStringLiteral {
  public init(stringLiteral name: String) {
    guard let entry = StatisticRegistry.host[name] else { preconditionFailure("no statistic \(name)") }
    self = entry
  }
}

/// Scores units whose matrices a test holds.
func score(
  _ criterion: CriterionInstance, family: String = "mlp", count: Int, _ matrices: [TestMatrix]
) throws -> [Float] {
  // Copies that stay where they are while the plugin reads them.
  var buffers: [UnsafeMutablePointer<Float>] = []
  defer { for buffer in buffers { buffer.deallocate() } }
  func held(_ values: [Float]) -> UnsafePointer<Float> {
    let buffer = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
    buffer.initialize(from: values, count: values.count)
    buffers.append(buffer)
    return UnsafePointer(buffer)
  }
  func memory(_ values: [Float], columns: Int) -> MatrixMemory {
    MatrixMemory(held(values), rows: values.count / columns, columns: columns)
  }
  let requests = matrices.map { matrix in
    MatrixRequest(
      name: matrix.name, axis: matrix.axis, repeats: matrix.repeats, positions: matrix.positions,
      weight: memory(matrix.weight, columns: matrix.columns),
      statistics: matrix.statistics.mapValues { memory($0, columns: matrix.columns) })
  }
  return try criterion.score(
    model: toyModel,
    units: UnitsRequest(family: family, layer: 0, original: Array(0..<count), matrices: requests))
}

/// The largest difference, relative to the largest reference value.
func relativeError(_ values: [Float], _ reference: [Float]) -> Float {
  guard values.count == reference.count else { return .infinity }
  let largest = reference.map { abs($0) }.max() ?? 0
  return (zip(values, reference).map { abs($0 - $1) }.max() ?? 0) / largest
}
