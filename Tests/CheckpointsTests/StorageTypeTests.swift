import Checkpoints
import Foundation
import Testing

@Suite("Stored weights")
struct StorageTypeTests {
  @Test(
    "dequantize to what llama.cpp's package says, to the bit",
    arguments: ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"])
  func blocks(name: String) throws {
    let stored = try #require(try GGUFFile(path: fixture("blocks.gguf")).tensors[name])
    let expected = try SafetensorsFile(path: fixture("blocks.safetensors")).tensor(named: name)
    #expect(stored.type.rawValue.uppercased() == name.replacing("BF16", with: "BFLOAT16") || name == "F16")
    #expect(stored.shape == [4, 256])
    let (ours, theirs) = (try stored.floats(), try expected.floats())
    #expect(ours.map(\.bitPattern) == theirs.map(\.bitPattern))
  }

  @Test(
    "give the same values by rows and columns as whole",
    arguments: ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"])
  func selections(name: String) throws {
    let stored = try #require(try GGUFFile(path: fixture("blocks.gguf")).tensors[name])
    let whole = try stored.floats()
    let (rows, columns) = ([3, 0, 2], [255, 1, 1, 128, 7])
    var picked = [Float](repeating: -1, count: 3 * 6)
    try picked.withUnsafeMutableBufferPointer { buffer throws(CheckpointError) in
      try stored.dequantize(rows: .rows(rows), columns: columns, into: buffer, rowStride: 6)
    }
    for (index, row) in rows.enumerated() {
      for (position, column) in columns.enumerated() {
        #expect(picked[index * 6 + position] == whole[row * 256 + column])
      }
      #expect(picked[index * 6 + 5] == -1, "beyond the columns nothing is touched")
    }
    var range = [Float](repeating: 0, count: 2 * 256)
    try range.withUnsafeMutableBufferPointer { buffer throws(CheckpointError) in
      try stored.dequantize(rows: .range(1..<3), into: buffer)
    }
    #expect(range == Array(whole[256..<768]))
  }

  @Test("Every half widens to the number that it stands for")
  func everyHalf() throws {
    let scratch = try Scratch()
    let patterns = (0...UInt16.max).map { $0 }
    let header = #"{"a":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}"#
    let path = try scratch.write(
      safetensors(header).dropLast(0) + patterns.flatMap { littleEndian($0) }, to: "halves.safetensors")
    let values = try SafetensorsFile(path: path).tensor(named: "a").floats()
    #expect(values.count == patterns.count)
    for (pattern, value) in zip(patterns, values) {
      let expected = Self.halfByDefinition(pattern)
      #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN))
    }
  }

  /// IEEE 754, section 3.4: by the definition, not by bits.
  static func halfByDefinition(_ pattern: UInt16) -> Float {
    let sign: Float = pattern & 0x8000 == 0 ? 1 : -1
    let (exponent, fraction) = (Int(pattern >> 10 & 31), Float(pattern & 1023) / 1024)
    switch exponent {
    case 31: return fraction == 0 ? sign * .infinity : .nan
    case 0: return sign * fraction * Float(sign: .plus, exponent: -14, significand: 1)
    default: return sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
    }
  }

  @Test("Halves are rounded to nearest even when written", arguments: [StorageType.float16, .bfloat16])
  func rounding(type: StorageType) throws {
    var generator = SplitMix64(state: 7)
    var values: [Float] = [
      0, -0.0, 1, 65504, 65519.996, 6.0e-8, 2.9e-8, 2.98e-8, Float(bitPattern: 0x0001_16c2), 2049, 2051,
      1.00390625, 1.01171875,
      6.1035156e-5, 6.1e-5, -3.0517578e-5, .infinity, -.infinity, .nan,
    ]
    while values.count < 20_000 {
      let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
      if value.isNaN || abs(value) < 65000 { values.append(value) }
    }
    let scratch = try Scratch()
    let path = scratch.file("rounded.safetensors")
    let writer = try SafetensorsWriter(
      path: path, tensors: [TensorDeclaration(name: "x", shape: [values.count], type: type)])
    try writer.append(values, to: "x")
    try writer.finish()
    let written = try SafetensorsFile(path: path).tensor(named: "x").floats()
    #expect(written.count == values.count)
    for (value, found) in zip(values, written) {
      let expected = type == .float16 ? Float(Float16(value)) : Self.nearestBfloat16(value)
      #expect(found.bitPattern == expected.bitPattern || (found.isNaN && expected.isNaN), "\(value)")
    }
  }

  /// Of the two neighbours the nearer, of two as near the one whose last bit is 0.
  static func nearestBfloat16(_ value: Float) -> Float {
    guard value.isFinite else { return value }
    let below = Float(bitPattern: value.bitPattern & 0xffff_0000)
    let above = Float(bitPattern: below.bitPattern &+ 0x1_0000)
    let (toBelow, toAbove) = (abs(Double(value) - Double(below)), abs(Double(above) - Double(value)))
    if toBelow == toAbove { return below.bitPattern & 0x1_0000 == 0 ? below : above }
    return toBelow < toAbove ? below : above
  }

  @Test("A wrong selection is refused in words")
  func wrongSelections() throws {
    let scratch = try Scratch()
    let tensor = try #require(try GGUFFile(path: fixture("blocks.gguf")).tensors["Q4_K"])
    func dequantize(_ rows: RowSelection, _ columns: [Int]?, room: Int = 1024, stride: Int? = nil) -> String {
      var values = [Float](repeating: 0, count: room)
      return scratch.complaint { () throws(CheckpointError) in
        try values.withUnsafeMutableBufferPointer { buffer throws(CheckpointError) in
          try tensor.dequantize(rows: rows, columns: columns, into: buffer, rowStride: stride)
        }
      }
    }
    #expect(dequantize(.rows([0, 4]), nil) == "Tensor Q4_K: row 4 of 4 was asked for.")
    #expect(dequantize(.rows([-1]), nil) == "Tensor Q4_K: row -1 of 4 was asked for.")
    #expect(dequantize(.range(2..<5), nil) == "Tensor Q4_K: rows 2..<5 of 4 were asked for.")
    #expect(dequantize(.all, [256]) == "Tensor Q4_K: column 256 of 256 was asked for.")
    #expect(
      dequantize(.all, nil, room: 1023)
        == "Tensor Q4_K: 4 rows of 256 values at a stride of 256 do not fit in 1023.")
    #expect(
      dequantize(.all, nil, stride: 255)
        == "Tensor Q4_K: 4 rows of 256 values at a stride of 255 do not fit in 1024.")
    #expect(dequantize(.all, nil, stride: .max).hasSuffix("do not fit in 1024."))
    #expect(dequantize(.rows([]), nil, room: 0) == "no complaint")
  }

  @Test("A vector's elements are its rows; a scalar is one")
  func vectors() throws {
    let scratch = try Scratch()
    let header =
      #"{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"v":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}"#
    let data = [Float(5), 1, 2, 3].flatMap { littleEndian($0.bitPattern) }
    let file = try SafetensorsFile(path: try scratch.write(safetensors(header) + data, to: "v.safetensors"))
    #expect(try file.tensor(named: "s").floats() == [5])
    let vector = try file.tensor(named: "v")
    var picked = [Float](repeating: 0, count: 2)
    try picked.withUnsafeMutableBufferPointer { buffer throws(CheckpointError) in
      try vector.dequantize(rows: .rows([2, 0]), into: buffer)
    }
    #expect(picked == [3, 1])
  }
}
