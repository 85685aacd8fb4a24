import Checkpoints
import Foundation

let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

/// The reference values of PyTorch and transformers, which are too large to live in the repository.
enum Reference {
  static let folder =
    ProcessInfo.processInfo.environment["ADAPT_PRUNER_REFERENCE"] ?? packageRoot + "/../shared/reference"
  static let isPresent = FileManager.default.fileExists(atPath: folder + "/tiny")

  static func tiny(_ model: String) -> String { "\(folder)/tiny/\(model)" }

  static let supported = [
    "llama_bias", "llama_gqa", "llama_gqa_bf16", "llama_gqa_f16", "llama_gqa_sharded", "llama_mha",
    "llama_rope_linear", "llama_rope_llama3", "mistral", "mistral_swa16", "mobilellm_like_tied", "qwen2",
    "qwen3",
  ]

  static let smolLM2 = ProcessInfo.processInfo.environment["ADAPT_PRUNER_SMOLLM2"] ?? ""
  static let hasSmolLM2 = FileManager.default.fileExists(atPath: smolLM2)
}

func fixture(_ name: String) -> String { "\(packageRoot)/Tests/Fixtures/Checkpoints/\(name)" }

/// A folder that is gone when the test is.
final class Scratch {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/checkpoints-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(filePath: file(name)))
    return file(name)
  }

  func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

  /// What a call complains about, with this folder's path as “…”.
  func complaint(_ body: () throws(CheckpointError) -> Void) -> String {
    do throws(CheckpointError) {
      try body()
      return "no complaint"
    } catch {
      return error.description.replacingOccurrences(of: path, with: "…")
    }
  }
}

/// The generator of Steele, Lea and Flood (SplitMix64): the same sequence everywhere.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

/// A safetensors file of a given header and number of bytes of data.
func safetensors(_ header: String, data: Int = 0, claiming length: UInt64? = nil) -> [UInt8] {
  littleEndian(length ?? UInt64(header.utf8.count)) + Array(header.utf8) + [UInt8](repeating: 0, count: data)
}
