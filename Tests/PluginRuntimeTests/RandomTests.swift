import PluginRuntime
import Testing

@Suite("Random numbers")
struct RandomTests {
  @Test func dependOnSeedPluginAndStreamAlone() {
    let one = RandomStream(seed: 1, plugin: "a.b", stream: 2)
    #expect(one.uniform(7) == RandomStream(seed: 1, plugin: "a.b", stream: 2).uniform(7))
    #expect(one.uniform(7) != RandomStream(seed: 2, plugin: "a.b", stream: 2).uniform(7))
    #expect(one.uniform(7) != RandomStream(seed: 1, plugin: "a.c", stream: 2).uniform(7))
    #expect(one.uniform(7) != RandomStream(seed: 1, plugin: "a.b", stream: 3).uniform(7))
  }

  @Test func areUniform() {
    let stream = RandomStream(seed: 0, plugin: "adapt-pruner.random", stream: 0)
    let count = 100_000
    var bins = [Int](repeating: 0, count: 10)
    var sum = 0.0
    for index in 0..<count {
      let value = stream.uniform(index)
      #expect(value >= 0 && value < 1)
      bins[Int(value * 10)] += 1
      sum += Double(value)
    }
    // Mean 1/2 with standard error √(1/12 / n) ≈ 0.0009; χ² of 9 degrees of freedom is below 27.9 with p = 0.999.
    #expect(abs(sum / Double(count) - 0.5) < 0.004)
    let expected = Double(count) / 10
    #expect(bins.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected } < 27.9)
  }

  @Test("The random criterion keeps a unit's score when others leave", .enabled(if: Shipped.isBuilt))
  func criterion() throws {
    let criterion = try CriterionInstance(
      of: Shipped.plugin("adapt-pruner.random"), services: HostServices(seed: 42))
    func score(_ original: [Int], layer: Int, family: String = "mlp") throws -> [Float] {
      try [Float](repeating: 1, count: original.count).withUnsafeBufferPointer { weight in
        try criterion.score(
          model: toyModel,
          units: UnitsRequest(
            family: family, layer: layer, original: original,
            matrices: [
              MatrixRequest(
                name: "gate_proj", axis: .rows,
                weight: MatrixMemory(weight.baseAddress!, rows: original.count, columns: 1))
            ]))
      }
    }
    let all = try score([0, 1, 2, 3], layer: 0)
    #expect(try score([1, 3], layer: 0) == [all[1], all[3]])
    #expect(try score([0, 1, 2, 3], layer: 1) != all)
    #expect(try score([0, 1, 2, 3], layer: 0, family: "attention") != all)
  }
}
