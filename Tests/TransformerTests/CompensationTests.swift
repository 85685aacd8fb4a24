import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// What compensators are shown, and what becomes of their answers.
@Suite struct CompensationTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures")
  private let workers = Workers(count: 2)

  private func sequences() throws -> [[Int32]] {
    let data = try Data(contentsOf: Self.fixtures.appendingPathComponent("statistics/ids.json"))
    return try #require(try JSONValue(parsing: Array(data)).arrayValue).map {
      try #require($0.arrayValue).compactMap(\.integerValue).map(Int32.init)
    }
  }

  private func model(_ name: String) throws -> Decoder {
    try Decoder(Checkpoint.open(Self.fixtures.appendingPathComponent("training/\(name)").path))
  }

  /// A group and some channels less in every layer.
  private func cut(_ model: Decoder) throws -> Decoder {
    let cut = try model.copy()
    for layer in 0..<cut.layerCount {
      try cut.keep([1], of: .attention, layer: layer)
      try cut.keep((0..<40).filter { $0.value % 3 != layer % 3 }, of: .mlp, layer: layer)
    }
    return cut
  }

  private func plain(_ projection: CutProjection) -> [Float] {
    (0..<projection.rows).flatMap { row in
      projection.kept.map { projection.weight.base[row * projection.columns + $0] }
    }
  }

  private func request(followsCut: Bool, addsBias: Bool = false) throws -> CompensationRequest {
    CompensationRequest(
      sequences: try sequences(), families: Family.widths, followsCut: followsCut, addsBias: addsBias)
  }

  /// On the model before the cut: moments are numpy's of PyTorch's inputs, and the target is the projection's own answer,
  /// W·mean and W·G.
  @Test(arguments: ["llama", "qwen3"]) func statisticsAreThoseOfTheWholeModel(_ name: String) throws {
    let model = try model(name)
    let golden = try SafetensorsFile(
      path: Self.fixtures.appendingPathComponent("statistics/\(name).safetensors").path)
    var seen: [String] = []
    try model.compensate(cut(model), request(followsCut: false), workers: workers) { projection in
      let module = projection.family == .attention ? "self_attn.o_proj" : "mlp.down_proj"
      let key = "\(projection.layer).\(module)"
      seen.append(key)
      let (rows, columns) = (projection.rows, projection.columns)
      let (mean, gram) = (try golden.floats(key + ".mean"), try golden.floats(key + ".gram"))
      #expect(relativeError(projection.inputMean.values.prefix(columns), mean) < 1e-5)
      #expect(relativeError(projection.inputGram.values.prefix(columns * columns), gram) < 1e-5)
      func answer(_ x: [Float], stride: Int) -> [Float] {
        (0..<rows).flatMap { row in
          (0..<stride).map { column in
            (0..<columns).reduce(Float(0)) {
              $0 + projection.weight.base[row * columns + $1] * x[$1 * stride + column]
            }
          }
        }
      }
      var product = answer(gram, stride: columns)
      var target = answer(mean, stride: 1)
      if let bias = projection.bias {
        for row in 0..<rows {
          target[row] += bias[row]
          for column in 0..<columns { product[row * columns + column] += bias[row] * mean[column] }
        }
      }
      #expect(relativeError(projection.targetMean.values.prefix(rows), target) < 1e-4, "\(key)")
      #expect(relativeError(projection.targetProduct.values.prefix(rows * columns), product) < 1e-4, "\(key)")
      return (plain(projection), projection.bias)
    } body: { _, _ in
    }
    #expect(seen.count == 2 * model.layerCount)
  }

  /// Layer by layer a projection's inputs are those of a model whose layers before it are cut and whose own is not.
  @Test(arguments: ["llama", "qwen3"]) func inputsFollowTheCut(_ name: String) throws {
    let model = try model(name)
    let cut = try cut(model)
    var compared = 0
    try model.compensate(cut, request(followsCut: true), workers: workers) { projection in
      let partly = try model.copy()
      for layer in 0...projection.layer {
        if layer < projection.layer || projection.family == .mlp {
          try partly.keep([1], of: .attention, layer: layer)
        }
        if layer < projection.layer {
          try partly.keep((0..<40).filter { $0.value % 3 != layer % 3 }, of: .mlp, layer: layer)
        }
      }
      var statistics = CalibrationRequest(sequences: try sequences(), batchSize: 4, gradients: .none)
      statistics.inputs = [.moments, .gram]
      _ = try partly.calibrate(statistics, workers: workers) { layer in
        guard layer.layer == projection.layer, let inputs = layer.inputs else { return }
        let isAttention = projection.family == .attention
        let gram = try #require(inputs.gram(of: isAttention ? .output : .down))
        let count = projection.columns * projection.columns
        #expect(
          relativeError(projection.inputGram.values.prefix(count), Array(gram.values.prefix(count))) < 1e-4)
        let mean = try #require(inputs.moments(of: isAttention ? .output : .down)).mean
        #expect(
          relativeError(projection.inputMean.values.prefix(projection.columns), Array(mean.values)) < 1e-4)
        compared += 1
      }
      return (plain(projection), projection.bias)
    } body: { _, _ in
    }
    #expect(compared == 2 * model.layerCount)
  }

  /// What an earlier cut took comes back too: the first projection, whose inputs have lost a group before, is to answer
  /// what it did with all of them.
  @Test func laterCutsLookBackToTheOriginal() throws {
    let model = try model("llama")
    let earlier = try model.copy()
    for layer in 0..<model.layerCount { try earlier.keep([1], of: .attention, layer: layer) }
    let later = try earlier.copy()
    for layer in 0..<model.layerCount { try later.keep(Array(3..<30), of: .mlp, layer: layer) }
    func seen(
      _ whole: Decoder, original: Decoder?, followsCut: Bool
    ) throws -> (target: [Float], weights: [[Float]]) {
      var (target, weights): ([Float], [[Float]]) = ([], [])
      try whole.compensate(later, original: original, request(followsCut: followsCut), workers: workers) {
        if $0.layer == 0, $0.family == .attention { target = Array($0.targetMean.values.prefix($0.rows)) }
        weights.append(Array($0.weight.values.prefix($0.rows * $0.columns)))
        return (plain($0), $0.bias)
      } body: { _, _ in
      }
      return (target, weights)
    }
    let asItWas = try seen(model, original: nil, followsCut: false)
    let found = try seen(earlier, original: model, followsCut: true)
    #expect(relativeError(found.target, asItWas.target) < 1e-4)
    // No weight has changed between the cuts, so the original's columns are those of the model before the later cut.
    #expect(found.weights.count == 2 * model.layerCount)
    #expect(try seen(earlier, original: nil, followsCut: true).weights == Array(found.weights.suffix(5)))
  }

  /// The parameters that come out are the cut model's, but for what was answered.
  @Test(arguments: [false, true]) func answersAndNothingElseChangeTheModel(_ followsCut: Bool) throws {
    let model = try model("llama")
    let cut = try cut(model)
    var expected: [String: [Float]] = [:]
    try cut.forEachParameter(workers: workers) { name, values in expected[name, default: []] += values }
    var found: [String: [Float]] = [:]
    try model.compensate(
      cut, request(followsCut: followsCut, addsBias: true), workers: workers,
      solve: { projection in
        let bias = (0..<projection.rows).map { Float($0) + Float(projection.layer) }
        guard projection.layer == 1, projection.family == .mlp else { return (plain(projection), bias) }
        return (plain(projection).map { 2 * $0 }, bias)
      }, body: { name, values in found[name, default: []] += values })
    for (name, values) in expected {
      let isChanged = name == "model.layers.1.mlp.down_proj.weight"
      #expect(found[name] == (isChanged ? values.map { 2 * $0 } : values), "\(name)")
    }
    let biases = Set(found.keys).subtracting(expected.keys)
    #expect(biases.count == 2 * model.layerCount && biases.allSatisfy { $0.hasSuffix("_proj.bias") })
    #expect(found["model.layers.2.self_attn.o_proj.bias"] == (0..<32).map { Float($0) + 2 })
  }

  /// With nothing cut before, what brings the residual stream back is what the whole projection answers: W·mean.
  @Test func untilTheFirstCutTheTargetIsTheProjectionsOwnAnswer() throws {
    let model = try model("llama")
    let cut = try model.copy()
    try cut.keep(Array(0..<30), of: .mlp, layer: 1)
    var layers: [String] = []
    try model.compensate(cut, request(followsCut: true), workers: workers) { projection in
      layers.append("\(projection.layer).\(projection.family.rawValue)")
      if layers.count == 1 {
        let columns = projection.columns
        for row in [0, 7, 31] {
          let expected = (0..<columns).reduce(Float(0)) {
            $0 + projection.weight.base[row * columns + $1] * projection.inputMean.base[$1]
          }
          #expect(abs(projection.targetMean.base[row] - expected) < 1e-5)
        }
      }
      return (plain(projection), projection.bias)
    } body: { _, _ in
    }
    // Behind the cut every projection may make up for it, also where nothing leaves.
    #expect(layers == ["1.mlp", "2.attention", "2.mlp"])
  }
}
