import Foundation
import Kernels
import Testing

/// Against PyTorch in float64 (scripts/make-architecture-fixtures.py), and the formulas written slowly.
@Suite struct GateAndCapTests {
  /// The float32 tensors of the fixture, by name.
  private static func fixture() throws -> [String: [Float]] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/architectures/kernels.safetensors")
    let bytes = try Data(contentsOf: file)
    let length = Int(
      bytes.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.1) << (8 * UInt64($1.0)) })
    let header = try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: [String: Any]]
    return try #require(header).compactMapValues { entry in
      guard let place = entry["data_offsets"] as? [Int], place.count == 2 else { return nil }
      return bytes[(8 + length + place[0])..<(8 + length + place[1])].withUnsafeBytes {
        Array($0.bindMemory(to: Float.self))
      }
    }
  }

  private func expectClose(
    _ found: [Float], _ expected: [Float], within tolerance: Float = 1e-6,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let largest = expected.map(abs).max() ?? 0
    let error = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(found.count == expected.count, sourceLocation: sourceLocation)
    #expect(error <= tolerance * largest, "error \(error) of \(largest)", sourceLocation: sourceLocation)
  }

  private static func gelu(_ x: Double) -> Double {
    0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  @Test("GELU's gate and its gradient are PyTorch's")
  func gate() throws {
    let tensors = try Self.fixture()
    let (gateUp, dOut) = (try #require(tensors["gate_up"]), try #require(tensors["d_out"]))
    let (rows, columns) = (4, 33)
    var out = [Float](repeating: 0, count: rows * columns)
    var gradient = [Float](repeating: 0, count: 2 * rows * columns)
    ap_geglu(gateUp, Int64(rows), Int64(columns), &out)
    ap_geglu_backward(gateUp, dOut, Int64(rows), Int64(columns), &gradient)
    let (expected, dGateUp) = (try #require(tensors["out"]), try #require(tensors["d_gate_up"]))
    // Row by row, since their sizes differ by far.
    for row in 0..<rows {
      let slow = (0..<columns).map { column in
        let gate = Double(gateUp[row * 2 * columns + column])
        return Float(Self.gelu(gate) * Double(gateUp[(row * 2 + 1) * columns + column]))
      }
      expectClose(Array(out[row * columns..<(row + 1) * columns]), slow)
      expectClose(
        Array(out[row * columns..<(row + 1) * columns]), Array(expected[row * columns..<(row + 1) * columns]))
      let both = row * 2 * columns..<(row + 1) * 2 * columns
      expectClose(Array(gradient[both]), Array(dGateUp[both]))
    }
    // In place.
    gradient = gateUp
    gradient.withUnsafeMutableBufferPointer {
      ap_geglu_backward($0.baseAddress, dOut, Int64(rows), Int64(columns), $0.baseAddress)
    }
    expectClose(gradient, dGateUp)
  }

  @Test("the soft cap and its gradient are PyTorch's, for small values and for large")
  func cap() throws {
    let tensors = try Self.fixture()
    let (scores, dCapped) = (try #require(tensors["scores"]), try #require(tensors["d_capped"]))
    let (expected, dScores) = (try #require(tensors["capped"]), try #require(tensors["d_scores"]))
    for row in 0..<5 {
      let range = row * 40..<(row + 1) * 40
      var capped = Array(scores[range])
      ap_soft_cap(&capped, 40, 0.25, 50)
      expectClose(capped, Array(expected[range]))
      expectClose(capped, scores[range].map { Float(50 * tanh(Double($0) * 0.25 / 50)) })
      var gradient = Array(dCapped[range])
      ap_soft_cap_backward(capped, &gradient, 40, 0.25, 50)
      expectClose(gradient, Array(dScores[range]), within: 2e-6)
    }
  }

  @Test("infinity is capped like any large score")
  func infinity() {
    var values: [Float] = [.infinity, -.infinity, 1e30, -1e30]
    ap_soft_cap(&values, 4, 1, 30)
    #expect(values == [30, -30, 30, -30])
  }
}
