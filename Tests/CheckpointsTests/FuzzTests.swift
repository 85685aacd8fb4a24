import Checkpoints
import Foundation
import Testing

/// Spoilt files may be refused or, where the damage fell on weights, be read; nothing else. An allocation
/// that a lying number asks for would break the address space limit and end the process.
@Suite("Spoilt headers", .serialized)
struct FuzzTests {
  @Test("of safetensors files never do harm")
  func safetensorsHeaders() throws {
    let header =
      #"{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]},"#
      + #""b":{"dtype":"BF16","shape":[8],"data_offsets":[48,64]},"c":{"dtype":"I64","shape":[],"data_offsets":[64,72]}}"#
    try spoil(safetensors(header, data: 72), header: 8 + header.utf8.count, times: 12_000, seed: 1, name: "f")
    {
      (path) throws(CheckpointError) in
      let file = try SafetensorsFile(path: path)
      for tensor in file.tensors.values where tensor.type.isDequantizable { _ = try tensor.floats() }
    }
  }

  @Test("of GGUF files never do harm", arguments: ["llama.gguf", "blocks.gguf"])
  func ggufHeaders(name: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: fixture(name))))
    let data = try GGUFFile(path: fixture(name)).tensors.values.reduce(0) { $0 + $1.byteCount }
    try spoil(bytes, header: bytes.count - data, times: 5_000, seed: 2, name: "f.gguf") {
      (path) throws(CheckpointError) in
      for tensor in try GGUFFile(path: path).tensors.values where tensor.type.isDequantizable {
        _ = try tensor.floats()
      }
      if name == "llama.gguf" { _ = try Checkpoint.open(path).configuration.parameterCount }
    }
  }

  @Test(
    "of configurations never do harm",
    arguments: [
      "llama", "../architectures/gemma2", "../architectures/gemma3", "../architectures/phi3_longrope",
      "../architectures/smollm3", "../architectures/granite",
    ])
  func configurations(_ model: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: fixture("\(model)/config.json"))))
    try spoil(
      bytes, header: bytes.count, times: model == "llama" ? 6_000 : 2_000, seed: 3, name: "config.json"
    ) {
      (path) throws(CheckpointError) in
      let configuration = try ModelConfiguration.read(path)
      _ = configuration.parameterCount
      _ = configuration.json.pretty
    }
  }

  private func spoil(
    _ original: [UInt8], header: Int, times: Int, seed: UInt64, name: String,
    _ read: (String) throws(CheckpointError) -> Void
  ) throws {
    let scratch = try Scratch()
    let path = try scratch.write(original, to: name)
    try read(path)  // sound before it is spoilt

    let space = __rlimit_resource_t(RLIMIT_AS.rawValue)
    var old = rlimit()
    getrlimit(space, &old)
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ").first
    var limit = rlimit(
      rlim_cur: rlim_t((pages.flatMap { UInt64($0) } ?? 0) * 4096 + 16 << 30), rlim_max: old.rlim_max)
    setrlimit(space, &limit)
    defer { setrlimit(space, &old) }
    // Other suites share the process: these bounds leave them room.
    let before = Self.peakBytes

    // Overwritten in place: ext4 forces a file that was truncated to nothing onto the disk.
    let descriptor = open(path, O_WRONLY)
    defer { close(descriptor) }
    var generator = SplitMix64(state: seed)
    var refused = 0
    for _ in 0..<times {
      let bytes = Self.spoilt(original, header: header, &generator)
      _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
      ftruncate(descriptor, off_t(bytes.count))
      do throws(CheckpointError) {
        try read(path)
      } catch {
        refused += 1
        #expect(error.description.hasSuffix(".") || error.description.hasSuffix("?"))
      }
    }
    #expect(refused > times / 4, "the damage is noticed")
    #expect(Self.peakBytes - before < 2 << 30)
  }

  /// The most memory that the process has had.
  private static var peakBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }

  private static let numbers: [UInt64] = [
    0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 40, 1 << 61, 1 << 62, .max >> 1,
    1 << 63, .max - 31, .max,
  ]
  private static let words = [
    "-1", "0", "1e308", "9223372036854775807", "18446744073709551616", "null", "[[[[[[", "{", "\"", "\\ud800",
    "true", "F16", "4611686018427387904", "1.5", "[]", "{}", ",", "2147483647",
  ]

  /// One to three faults in the header.
  private static func spoilt(_ original: [UInt8], header: Int, _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      let end = min(header, bytes.count)
      guard end > 16 else { break }
      let place = Int.random(in: 0..<end - 8, using: &generator)
      switch Int.random(in: 0..<7, using: &generator) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 2: bytes.removeSubrange(place...)
      case 3:
        let number = numbers[Int.random(in: 0..<numbers.count, using: &generator)]
        bytes.replaceSubrange(place..<place + 8, with: littleEndian(number))
      case 4:
        let number = numbers[Int.random(in: 0..<numbers.count, using: &generator)]
        bytes.replaceSubrange(place..<place + 4, with: littleEndian(UInt32(truncatingIfNeeded: number)))
      case 5:
        let word = Array(words[Int.random(in: 0..<words.count, using: &generator)].utf8)
        let digits = bytes[place...].prefix { (48...57).contains($0) }.count
        bytes.replaceSubrange(place..<place + digits, with: word)
      default:
        let other = Int.random(in: 0..<end - 8, using: &generator)
        let length = Int.random(in: 1...min(40, end - max(place, other)), using: &generator)
        bytes.replaceSubrange(place..<place + length, with: Array(bytes[other..<other + length]))
      }
    }
    return bytes
  }
}
