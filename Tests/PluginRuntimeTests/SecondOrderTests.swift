import JSON
import PluginRuntime
import Testing

/// Scores against the least cost tr(F D A Dᵀ), A = G + λI, of any change D of the projection that makes the removed
/// columns vanish: by Schur's complement, without the inverse that the plugin goes by.
@Suite("SecondOrder", .enabled(if: Shipped.isBuilt))
struct SecondOrderTests {
  private static let rows = 3
  private static let ridge = 0.1
  private let weight: [Float]
  private var gram: [Float]
  private let fisher: [Float]
  private let columns: Int

  init() {
    columns = 6
    // Any numbers of both signs do.
    func numbers(_ count: Int, _ step: Int) -> [Float] { (1...count).map { Float($0 * step % 97) / 48 - 1 } }
    weight = numbers(3 * 6, 37)
    gram = Self.gram(numbers(9 * 6, 53), columns: 6)
    fisher = Self.gram(numbers(4 * 3, 71), columns: 3)
  }

  private static func gram(_ x: [Float], columns: Int) -> [Float] {
    (0..<columns).flatMap { i in
      (0..<columns).map { j in
        (0..<x.count / columns).reduce(0) { $0 + x[$1 * columns + i] * x[$1 * columns + j] }
      }
    }
  }

  private func scores(width: Int, _ options: JSONValue) throws -> [Float] {
    var services = HostServices()
    services.linearAlgebra = TestAlgebra()
    services.sgemm = HostServices.slowProduct
    let criterion = try CriterionInstance(
      of: Shipped.plugin("adapt-pruner.second-order"), options: options, services: services)
    return try weight.withUnsafeBufferPointer { w in
      try gram.withUnsafeBufferPointer { g in
        try fisher.withUnsafeBufferPointer { f in
          guard let w = w.baseAddress, let g = g.baseAddress, let f = f.baseAddress else { return [] }
          let label = criterion.statistics[1]
          return try criterion.score(
            model: toyModel,
            units: UnitsRequest(
              family: width == 1 ? "mlp" : "attention", layer: 0, original: Array(0..<columns / width),
              matrices: [
                MatrixRequest(
                  name: "down_proj", axis: .columns, positions: width,
                  weight: MatrixMemory(w, rows: Self.rows, columns: columns),
                  statistics: [
                    "input_gram": MatrixMemory(g, rows: columns, columns: columns),
                    label: MatrixMemory(f, rows: Self.rows, columns: Self.rows),
                  ])
              ]))
        }
      }
    }
  }

  /// tr(F W[:,g] (A[g,g] − A[g,k] A[k,k]⁻¹ A[k,g]) W[:,g]ᵀ), with k the columns that are not g.
  private func leastCost(without gone: [Int]) throws -> Double {
    let mean = (0..<columns).reduce(0) { $0 + Double(gram[$1 * columns + $1]) } / Double(columns)
    func a(_ i: Int, _ j: Int) -> Double {
      Double(gram[i * columns + j]) + (i == j ? Self.ridge * mean : 0)
    }
    let kept = (0..<columns).filter { !gone.contains($0) }
    var across = gone.flatMap { i in kept.map { a(i, $0) } }
    let block = kept.flatMap { i in kept.map { a(i, $0) } }
    try across.withUnsafeMutableBufferPointer { b in
      try block.withUnsafeBufferPointer { try TestAlgebra().solve($0, n: kept.count, b, rows: gone.count) }
    }
    var cost = 0.0
    for (p, i) in gone.enumerated() {
      for j in gone {
        let schur = a(i, j) - kept.indices.reduce(0) { $0 + across[p * kept.count + $1] * a(kept[$1], j) }
        for r in 0..<Self.rows {
          for s in 0..<Self.rows {
            cost +=
              Double(fisher[r * Self.rows + s]) * Double(weight[r * columns + i])
              * Double(weight[s * columns + j]) * schur
          }
        }
      }
    }
    return cost
  }

  @Test(
    "A score is the least that the loss can gain, to second order", arguments: [1, 2, 3], ["model", "data"])
  func leastCosts(_ width: Int, _ labels: String) throws {
    let scores = try scores(width: width, ["ridge": .number(Self.ridge), "labels": .string(labels)])
    let expected = try (0..<columns / width).map {
      Float(try leastCost(without: Array($0 * width..<($0 + 1) * width)))
    }
    #expect(relativeError(scores, expected) < 1e-4)
  }

  /// Removed one after another, each update being exact, units cost together what they cost at once.
  /// A block finds its members among twice as many: from 3 on these are all six columns, and nothing is overlooked.
  @Test(
    "Greedy scores are what each removal adds to the least cost of all that left so far",
    arguments: [(1, 1), (2, 1), (1, 3), (1, 4), (1, 32)])
  func greedyCosts(_ width: Int, _ block: Int) throws {
    let scores = try scores(
      width: width, ["ridge": .number(Self.ridge), "greedy": true, "greedy_block": .integer(block)])
    var left = Array(0..<columns / width)
    var gone: [Int] = []
    var (before, reached) = (0.0, 0.0)
    var expected = [Float](repeating: 0, count: left.count)
    while !left.isEmpty {
      func total(_ unit: Int) throws -> Double {
        try leastCost(without: (gone + [unit]).flatMap { $0 * width..<($0 + 1) * width })
      }
      let best = try #require(try left.map { ($0, try total($0)) }.min { $0.1 < $1.1 })
      reached = max(reached, best.1 - before)
      expected[best.0] = Float(reached)
      before = best.1
      gone.append(best.0)
      left.removeAll { $0 == best.0 }
    }
    #expect(relativeError(scores, expected) < 1e-4)
  }

  /// With x₂ = x₀ either of the columns 0 and 2 costs next to nothing, and both together what one large column does.
  @Test(
    "Of two columns which stand in for one another one leaves early, the other does not", arguments: [1, 3])
  func twins(_ block: Int) throws {
    var twin = self
    let twins = [0, 1, 0, 3, 4, 5]
    twin.gram = twins.flatMap { i -> [Float] in twins.map { j -> Float in gram[i * 6 + j] } }
    let ridge: JSONValue = 1e-4
    let plain = try twin.scores(width: 1, ["ridge": ridge])
    let others = [1, 3, 4, 5].map { plain[$0] }
    #expect(plain[0] < 0.01 * (others.min() ?? 0) && plain[2] < 0.01 * (others.min() ?? 0))
    let greedy = try twin.scores(
      width: 1, ["ridge": ridge, "greedy": true, "greedy_block": .integer(block)])
    #expect(min(greedy[0], greedy[2]) < 0.01 * (others.min() ?? 0))
    #expect(max(greedy[0], greedy[2]) > (others.min() ?? 0))
  }

  @Test("Whole sublayers have no columns of their own, and are refused in words")
  func blocksAreRefused() throws {
    let criterion = try CriterionInstance(of: Shipped.plugin("adapt-pruner.second-order"))
    let error = #expect(throws: PluginError.self) {
      try weight.withUnsafeBufferPointer { w in
        _ = try criterion.score(
          model: toyModel,
          units: UnitsRequest(
            family: "mlp_block", layer: 0, original: [0],
            matrices: [
              MatrixRequest(
                name: "down_proj", axis: .rows, repeats: 3,
                weight: MatrixMemory(w.baseAddress!, rows: 3, columns: 6),
                statistics: [
                  "input_gram": MatrixMemory(w.baseAddress!, rows: 1, columns: 1),
                  "output_fisher": MatrixMemory(w.baseAddress!, rows: 1, columns: 1),
                ])
            ]))
      }
    }
    #expect("\(try #require(error))".contains("no output projection"))
  }
}
