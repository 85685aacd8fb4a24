import Checkpoints
import Foundation
import Testing

@Suite("A faulty GGUF file is refused in words")
struct GGUFFaultTests {
  /// A file of a header's parts, after magic number and version.
  private func complaint(_ parts: [UInt8]..., version: UInt32 = 3, magic: String = "GGUF") throws -> String {
    let scratch = try Scratch()
    let path = try scratch.write(
      Array(magic.utf8) + littleEndian(version) + parts.flatMap { $0 }, to: "f.gguf")
    return scratch.complaint { () throws(CheckpointError) in _ = try GGUFFile(path: path) }
  }

  private func count(_ number: UInt64) -> [UInt8] { littleEndian(number) }
  private func string(_ text: String) -> [UInt8] { count(UInt64(text.utf8.count)) + Array(text.utf8) }

  private func tensor(_ name: String, _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0) -> [UInt8]
  {
    string(name) + littleEndian(UInt32(dimensions.count)) + dimensions.flatMap { littleEndian($0) }
      + littleEndian(type) + littleEndian(offset)
  }

  /// Room enough that a count is not refused for it.
  private let data = [UInt8](repeating: 0, count: 256)

  @Test func magicAndVersion() throws {
    #expect(
      try complaint(magic: "GGML")
        == "…/f.gguf is not a GGUF file: it starts with the bytes [71, 71, 77, 76] instead of “GGUF”.")
    #expect(
      try complaint(version: 1) == "…/f.gguf has GGUF version 1: expected 2 or 3, little-endian.")
    #expect(
      try complaint(version: UInt32(3).byteSwapped)
        == "…/f.gguf has GGUF version 3, big-endian: expected 2 or 3, little-endian.")
    #expect(
      try complaint()
        == "…/f.gguf ends within the number of tensors: 8 bytes expected, 0 left. Was the download cut short?"
    )
  }

  @Test func counts() throws {
    #expect(
      try complaint(count(.max), count(0))
        == "…/f.gguf: the number of tensors is 18446744073709551615, but the rest of the file has room for 0 at most."
    )
    #expect(
      try complaint(count(0), count(1 << 40), data)
        == "…/f.gguf: the number of metadata keys is 1099511627776, but the rest of the file has room for 19 at most."
    )
    #expect(
      try complaint(count(0), count(1), count(1 << 50), data)
        == "…/f.gguf: the length of metadata key 0 is 1125899906842624, but the rest of the file has room for 256 at most."
    )
    #expect(
      try complaint(count(0), count(1), string("k"), littleEndian(UInt32(8)), count(.max), data)
        == "…/f.gguf: the length of the value of k is 18446744073709551615, but the rest of the file has room for 256 at most."
    )
    for (type, possible) in [(UInt32(0), 256), (4, 64), (8, 32), (12, 32)] {
      #expect(
        try complaint(
          count(0), count(1), string("k"), littleEndian(UInt32(9)), littleEndian(type), count(1 << 60), data)
          == "…/f.gguf: the length of k is 1152921504606846976, but the rest of the file has room for \(possible) at most."
      )
    }
  }

  @Test func values() throws {
    let kinds = "expected one of GGUF's types of values, 0…12, and no list within a list"
    #expect(
      try complaint(count(0), count(1), string("k"), littleEndian(UInt32(13)), data)
        == "…/f.gguf: k: \(kinds), found type 13.")
    #expect(
      try complaint(count(0), count(1), string("k"), littleEndian(UInt32(9)), littleEndian(UInt32(9)), data)
        == "…/f.gguf: the elements of k: \(kinds), found type 9.")
    let key = string("k") + littleEndian(UInt32(0)) + [1]
    #expect(
      try complaint(count(0), count(2), key, key)
        == "…/f.gguf: the metadata: expected each key once, found k twice.")
    #expect(
      try complaint(
        count(0), count(1), string("general.alignment"), littleEndian(UInt32(4)), littleEndian(UInt32(12)))
        == "…/f.gguf: general.alignment: expected a power of two, found 12.")
  }

  @Test func tensors() throws {
    #expect(
      try complaint(count(1), count(0), tensor("t", [32], type: 2, offset: 0), data).hasPrefix("no complaint")
    )
    #expect(
      try complaint(count(1), count(0), tensor("t", [32], type: 4), data)
        .hasPrefix("…/f.gguf: tensor t has the type number 4, which is not supported; supported are float32"))
    #expect(
      try complaint(count(1), count(0), tensor("t", [1, 1, 1, 1, 1]), data)
        == "…/f.gguf: tensor t: expected at most 4 dimensions, found 5.")
    #expect(
      try complaint(count(1), count(0), tensor("t", [1 << 62, 4]), data)
        == "…/f.gguf: tensor t has the shape [4, 4611686018427387904], whose size does not fit in 64 bits.")
    #expect(
      try complaint(count(1), count(0), tensor("t", [.max]), data)
        == "…/f.gguf: tensor t has the shape [18446744073709551615], whose size does not fit in 64 bits.")
    #expect(
      try complaint(count(1), count(0), tensor("t", [33], type: 8), data)
        == "…/f.gguf: tensor t has rows of 33 values, which are not whole blocks of q8_0 (32 values).")
    #expect(
      try complaint(count(1), count(0), tensor("t", [1], offset: 8), data)
        == "…/f.gguf: tensor t starts at 8, which is no multiple of the alignment 32.")
    let beyond = try complaint(count(1), count(0), tensor("t", [64], offset: 96), data)
    #expect(beyond.hasPrefix("…/f.gguf: the bytes 96..<352 of tensor t lie outside of the "))
    #expect(
      try complaint(count(1), count(0), tensor("t", [64], offset: .max - 31), data)
        .hasPrefix("…/f.gguf: the bytes 18446744073709551584..<18446744073709551615 of tensor t lie outside"))
    #expect(
      try complaint(count(2), count(0), tensor("t", [1]), tensor("t", [1], offset: 32), data)
        == "…/f.gguf names t twice.")
    #expect(
      try complaint(count(2), count(0), tensor("t", [16]), tensor("u", [1], offset: 32), data)
        == "…/f.gguf: the tensors t and u share bytes.")
  }

  @Test func truncation() throws {
    let whole = try Data(contentsOf: URL(filePath: fixture("llama.gguf")))
    let scratch = try Scratch()
    let path = scratch.file("cut.gguf")
    // Everywhere in the header, then in the data.
    for length in Array(stride(from: 0, to: 4000, by: 7)) + [whole.count / 2, whole.count - 4] {
      try whole.prefix(length).write(to: URL(filePath: path))
      #expect(
        scratch.complaint { () throws(CheckpointError) in _ = try Checkpoint.open(path) } != "no complaint")
    }
  }
}
