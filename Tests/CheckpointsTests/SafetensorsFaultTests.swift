import Checkpoints
import Testing

@Suite("A faulty safetensors file is refused in words")
struct SafetensorsFaultTests {
  private func complaint(_ bytes: [UInt8]) throws -> String {
    let scratch = try Scratch()
    let path = try scratch.write(bytes, to: "f")
    return scratch.complaint { () throws(CheckpointError) in _ = try SafetensorsFile(path: path) }
  }

  private func complaint(_ header: String, data: Int = 0) throws -> String {
    try complaint(safetensors(header, data: data))
  }

  @Test func missing() throws {
    let scratch = try Scratch()
    let path = scratch.file("none")
    #expect(
      scratch.complaint { () throws(CheckpointError) in _ = try SafetensorsFile(path: path) }
        == "…/none cannot be read: No such file or directory.")
    let folder = scratch.path
    #expect(
      scratch.complaint { () throws(CheckpointError) in _ = try SafetensorsFile(path: folder) }
        == "… cannot be read: it is not a regular file.")
  }

  @Test func truncated() throws {
    #expect(
      try complaint([])
        == "…/f ends within the length of its header: 8 bytes expected, 0 left. Was the download cut short?")
    #expect(
      try complaint([1, 2, 3])
        == "…/f ends within the length of its header: 8 bytes expected, 3 left. Was the download cut short?")
    #expect(
      try complaint(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: 7)
        == "…/f: the bytes 0..<8 of tensor a lie outside of the 7 bytes of data.")
  }

  @Test func headerBeyondTheFile() throws {
    #expect(
      try complaint(safetensors("{}", claiming: 3))
        == "…/f claims a header of 3 bytes, but 2 bytes follow: it is truncated or not a safetensors file.")
    #expect(
      try complaint(safetensors("{}", claiming: .max))
        == "…/f claims a header of 18446744073709551615 bytes, but 2 bytes follow: "
        + "it is truncated or not a safetensors file.")
  }

  @Test func headerIsNotJSON() throws {
    #expect(
      try complaint("{")
        == "…/f: the header is not JSON: line 1, column 2: expected a key in quotes, found the end.")
    #expect(
      try complaint("") == "…/f: the header is not JSON: line 1, column 1: expected a value, found the end.")
    #expect(try complaint("[]") == "…/f: the header: expected an object, found a list of 0.")
    #expect(
      try complaint(String(repeating: "[", count: 100_000))
        == "…/f: the header is not JSON: line 1, column 201: nested deeper than 200 levels.")
    #expect(
      try complaint(littleEndian(UInt64(7)) + [0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])
        == "…/f: the header is not JSON: line 1, column 3: this is not UTF-8 text.")
  }

  @Test func entriesOfTheWrongKind() throws {
    #expect(
      try complaint(#"{"a":3}"#) == "…/f: the header's entry “a”: expected an object, found 3.")
    #expect(
      try complaint(#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#)
        == "…/f: the header's entry “a”.dtype: expected a string, found nothing.")
    #expect(
      try complaint(#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#)
        == "…/f: the header's entry “a”.shape: expected a list of sizes, found a list of 1.")
    #expect(
      try complaint(#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#)
        == "…/f: the header's entry “a”.shape: expected a list of sizes, found a list of 1.")
    #expect(
      try complaint(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, data: 4)
        == "…/f: the header's entry “a”.data_offsets: expected two offsets, the smaller first, found a list of 2."
    )
    #expect(
      try complaint(#"{"__metadata__":{"k":1}}"#)
        == "…/f: __metadata__.k: expected a string, found 1.")
  }

  @Test func unknownType() throws {
    #expect(
      try complaint(#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#, data: 4)
        .hasPrefix("…/f: tensor a has the type F8_E4M3, which is not supported; supported are float32, "))
  }

  @Test func offsetsPastTheEnd() throws {
    #expect(
      try complaint(
        #"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#, data: 4
      )
        == "…/f: the bytes 0..<9223372036854775807 of tensor a lie outside of the 4 bytes of data.")
  }

  @Test func shapeAndBytesDisagree() throws {
    #expect(
      try complaint(#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}}"#, data: 20)
        == "…/f: tensor a of shape [2, 3] and type float32 takes 24 bytes, but is given 20.")
  }

  @Test func shapeOverflows() throws {
    #expect(
      try complaint(#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#)
        == "…/f: tensor a has the shape [4611686018427387904, 4], whose size does not fit in 64 bits.")
  }

  @Test func overlap() throws {
    #expect(
      try complaint(
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}"#,
        data: 7) == "…/f: the tensors a and b share bytes.")
  }

  @Test func holes() throws {
    #expect(
      try complaint(
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[6,7]}}"#,
        data: 7) == "…/f: the bytes 4..<6 of the data belong to no tensor.")
    #expect(try complaint("{}", data: 3) == "…/f: the bytes 0..<3 of the data belong to no tensor.")
  }

  @Test func duplicateName() throws {
    #expect(
      try complaint(
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        data: 2) == "…/f names a twice.")
  }

  @Test("but not for its size alone: ten megabytes of header open")
  func largeHeader() throws {
    let scratch = try Scratch()
    let count = 120_000
    let entries = (0..<count).map {
      #""model.layers.\#($0).mlp.gate_proj.weight":{"dtype":"U8","shape":[1],"data_offsets":[\#($0),\#($0 + 1)]}"#
    }
    let header = "{" + entries.joined(separator: ",") + "}"
    #expect(header.utf8.count > 10_000_000)
    let path = try scratch.write(safetensors(header, data: count), to: "large")
    #expect(try SafetensorsFile(path: path).tensors.count == count)
  }
}
