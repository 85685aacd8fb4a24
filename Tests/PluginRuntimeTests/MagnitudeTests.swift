import PluginRuntime
import Testing

@Suite("Magnitude", .enabled(if: Shipped.isBuilt))
struct MagnitudeTests {
  // Two channels, hidden size 2: gate and up own rows, down owns columns.
  static let gate: [Float] = [1, -2, 3, 4]
  static let up: [Float] = [0, 1, -1, 1]
  static let down: [Float] = [2, 0, 1, -3]

  static func score(_ norm: String) throws -> [Float] {
    let criterion = try CriterionInstance(
      of: Shipped.plugin("adapt-pruner.magnitude"), options: ["norm": .string(norm)])
    return try gate.withUnsafeBufferPointer { gate in
      try up.withUnsafeBufferPointer { up in
        try down.withUnsafeBufferPointer { down in
          func matrix(_ name: String, _ axis: MatrixRequest.Axis, _ data: UnsafeBufferPointer<Float>) throws
            -> MatrixRequest
          {
            MatrixRequest(
              name: name, axis: axis, rows: 2, columns: 2, weight: try #require(data.baseAddress))
          }
          return try criterion.score(
            model: toyModel,
            units: UnitsRequest(
              family: "mlp", layer: 0, original: [0, 1],
              matrices: [
                try matrix("gate_proj", .rows, gate), try matrix("up_proj", .rows, up),
                try matrix("down_proj", .columns, down),
              ]))
        }
      }
    }
  }

  @Test("l1 averages the sums of absolute weights over the three matrices")
  func l1() throws {
    // (|1|+|-2| + |0|+|1| + |2|+|1|) / 3 and (|3|+|4| + |-1|+|1| + |0|+|-3|) / 3
    #expect(try Self.score("l1") == [7.0 / 3, 12.0 / 3])
  }

  @Test("l2 averages the sums of squares: no root is taken")
  func l2() throws {
    // (1+4 + 0+1 + 4+1) / 3 and (9+16 + 1+1 + 0+9) / 3
    #expect(try Self.score("l2") == [11.0 / 3, 36.0 / 3])
  }
}
