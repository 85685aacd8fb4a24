import Foundation
import JSON
import TrainingData

/// A folder that is gone when the test is.
final class Scratch {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/training-data-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }

  func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

  /// One object a line.
  func write(lines: [JSONValue], to name: String) throws -> String {
    try write(lines.map { $0.compact + "\n" }.joined(), to: name)
  }

  /// A safetensors file, put together by hand.
  func write(tensors: [(name: String, type: String, shape: [Int], bytes: [UInt8])], to name: String) throws
    -> String
  {
    var header = JSONObject()
    var content: [UInt8] = []
    for tensor in tensors {
      header[tensor.name] = .object([
        "dtype": .string(tensor.type), "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": [.integer(content.count), .integer(content.count + tensor.bytes.count)],
      ])
      content += tensor.bytes
    }
    let json = Array(JSONValue.object(header).compact.utf8)
    return try write(bytes(of: [UInt64(json.count)]) + json + content, to: name)
  }

  /// What a call complains about, with this folder's path as “…”.
  func complaint(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing"
    } catch {
      return "\(error)".replacingOccurrences(of: path, with: "…")
    }
  }
}

func bytes<Number: FixedWidthInteger>(of values: [Number]) -> [UInt8] {
  values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// One token a byte; the end token, which no text has, is 0, the first token 1.
func byteTokenizer(begins: Bool = false) -> TrainingTokenizer {
  TrainingTokenizer(vocabularySize: 256, endOfSequence: 0, beginOfSequence: begins ? 1 : nil) {
    $0.utf8.map(Int32.init)
  }
}

func stream(
  _ sources: [TrainingSource], length: Int = 16, packing: Bool = true, epochs: Int? = 1, seed: UInt64 = 7,
  begins: Bool = false, resuming state: JSONValue? = nil
) throws -> TrainingStream {
  try TrainingStream(
    sources: sources, options: StreamOptions(length: length, packing: packing, epochs: epochs, seed: seed),
    tokenizer: byteTokenizer(begins: begins), resuming: state)
}

/// All rows, or the first `limit`.
func rows(_ stream: TrainingStream, limit: Int = .max) throws -> [PackedRow] {
  var stream = stream
  var rows: [PackedRow] = []
  while rows.count < limit, let row = try stream.next() { rows.append(row) }
  return rows
}

/// The documents in the order in which they come, each as one list of ids.
func documents(_ sources: [TrainingSource], epochs: Int = 1, seed: UInt64 = 7) throws -> [[Int32]] {
  try rows(stream(sources, length: 1 << 20, packing: false, epochs: epochs, seed: seed))
    .map { $0.segments.flatMap(\.ids) }
}

extension Segment {
  /// What is to be predicted, as text.
  var targetText: String {
    String(decoding: zip(ids, isTarget).compactMap { $1 ? UInt8(exactly: $0) : nil }, as: UTF8.self)
  }
}
