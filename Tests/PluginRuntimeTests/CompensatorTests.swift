import JSON
import PluginRuntime
import Testing

@Suite("Compensators", .enabled(if: Shipped.isBuilt))
struct CompensatorTests {
  /// One row, three inputs.
  private func compensate(
    _ id: String, _ options: JSONValue = [:], weight: [Float], mean: [Float], gram: [Float], kept: [Int],
    bias: Float? = nil
  ) throws -> CompensatedProjection {
    var services = HostServices()
    services.linearAlgebra = TestAlgebra()
    let compensator = try CompensatorInstance(
      of: Shipped.plugin(id), options: options, services: services)
    let columns = weight.count
    // t = x Wᵀ + b: its mean and its products with x, by hand.
    let constant = bias ?? 0
    let targetMean = [zip(weight, mean).reduce(constant) { $0 + $1.0 * $1.1 }]
    let product = (0..<columns).map { column in
      (0..<columns).reduce(constant * mean[column]) { $0 + weight[$1] * gram[$1 * columns + column] }
    }
    func memory<Result>(_ values: [Float], _ body: (UnsafePointer<Float>) throws -> Result) rethrows -> Result
    {
      try values.withUnsafeBufferPointer { try body($0.baseAddress!) }
    }
    return try memory(weight) { w in
      try memory(mean) { m in
        try memory(gram) { g in
          try memory(targetMean) { t in
            try memory(product) { p in
              try compensator.compensate(
                model: toyModel,
                ProjectionRequest(
                  family: "mlp", layer: 0, name: "down_proj",
                  weight: MatrixMemory(w, rows: 1, columns: columns),
                  bias: bias.map { [$0] }, kept: kept,
                  statistics: [
                    "input_mean": MatrixMemory(m, rows: 1, columns: columns),
                    "input_gram": MatrixMemory(g, rows: columns, columns: columns),
                    "target_mean": MatrixMemory(t, rows: 1, columns: 1),
                    "target_product": MatrixMemory(p, rows: 1, columns: columns),
                  ]))
            }
          }
        }
      }
    }
  }

  /// x₂ = 2·x₁ always, and x₃ is independent of both: what leaves with x₂ comes back through x₁ alone.
  @Test("Least squares finds a removed input's part in those that go with it")
  func leastSquares() throws {
    let gram: [Float] = [1, 2, 0, 2, 4, 0, 0, 0, 5]
    let answer = try compensate(
      "adapt-pruner.least-squares", ["ridge": 0], weight: [1, 1, 7], mean: [0, 0, 0], gram: gram,
      kept: [0, 2])
    #expect(relativeError(answer.weight, [3, 7]) < 1e-6)
    #expect(answer.bias == nil)
    // λ times the mean of the diagonal, 10/3, joins the diagonal: 3 · 1 / (1 + 1/3), 7 · 5 / (5 + 1/3).
    let zero = try compensate(
      "adapt-pruner.least-squares", ["ridge": 0.1, "pull": "zero"], weight: [1, 1, 7], mean: [0, 0, 0],
      gram: gram, kept: [0, 2])
    #expect(relativeError(zero.weight, [3 / (1 + 1 / 3), 35 / (5 + 1 / 3)]) < 1e-6)
    // Pulled to the columns as they were, 1 and 7, the same gains 1/3 · 1 and 1/3 · 7 above the line: x₃, of which
    // nothing was lost, keeps its column.
    let weight = try compensate(
      "adapt-pruner.least-squares", ["ridge": 0.1], weight: [1, 1, 7], mean: [0, 0, 0], gram: gram,
      kept: [0, 2])
    #expect(relativeError(weight.weight, [(3 + 1 / 3) / (1 + 1 / 3), 7]) < 1e-6)
  }

  /// x₂ is 3 ± 1, whatever x₁ is: only its mean can come back, and only with a bias.
  @Test("With a bias the mean of what left comes back")
  func leastSquaresBias() throws {
    let gram: [Float] = [2, 3, 3, 10]
    let with = try compensate(
      "adapt-pruner.least-squares", ["ridge": 0, "bias": true], weight: [1, 2], mean: [1, 3], gram: gram,
      kept: [0], bias: 10)
    #expect(relativeError(with.weight, [1]) < 1e-6)
    #expect(relativeError(try #require(with.bias), [16]) < 1e-6)
    // Without, the kept input does what it can of 2·x₂: 1 + 2 · 3 / 2.
    let without = try compensate(
      "adapt-pruner.least-squares", ["ridge": 0], weight: [1, 2], mean: [1, 3], gram: gram, kept: [0],
      bias: 10)
    #expect(relativeError(without.weight, [4]) < 1e-6)
    #expect(without.bias == [10])
  }

  @Test("FLAP's bias is the mean of what left, through the projection, and leaves the weights alone")
  func flapBias() throws {
    let answer = try compensate(
      "adapt-pruner.flap-bias", weight: [1, 2, 5], mean: [10, 3, 0.5], gram: [Float](repeating: 0, count: 9),
      kept: [0])
    #expect(answer.weight == [1] && answer.bias == [2 * 3 + 5 * 0.5])
    let joined = try compensate(
      "adapt-pruner.flap-bias", weight: [1, 2, 5], mean: [10, 3, 0.5], gram: [Float](repeating: 0, count: 9),
      kept: [0], bias: 100)
    #expect(joined.bias == [108.5])
  }

  @Test("A matrix that can't be solved is said in words")
  func singular() throws {
    let error = #expect(throws: PluginError.self) {
      try compensate(
        "adapt-pruner.least-squares", ["ridge": 0], weight: [1, 1, 1], mean: [0, 0, 0],
        gram: [Float](repeating: 0, count: 9), kept: [0, 2])
    }
    #expect(
      "\(try #require(error))".contains("do not settle the weights of 2 columns with ridge 0.0; raise ridge"))
  }
}
