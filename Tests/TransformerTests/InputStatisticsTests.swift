import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// What a calibration pass gathers about the inputs of projections, against numpy over what PyTorch's hooks see
/// (scripts/make-statistics-fixtures.py).
@Suite struct InputStatisticsTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures")

  private func sequences() throws -> [[Int32]] {
    let data = try Data(contentsOf: Self.fixtures.appendingPathComponent("statistics/ids.json"))
    return try #require(try JSONValue(parsing: Array(data)).arrayValue).map {
      try #require($0.arrayValue).compactMap(\.integerValue).map(Int32.init)
    }
  }

  private func golden(_ model: String) throws -> SafetensorsFile {
    try SafetensorsFile(path: Self.fixtures.appendingPathComponent("statistics/\(model).safetensors").path)
  }

  /// With gradients the statistics come from the layers' inside as the backward pass makes it once more, partly from
  /// kept activations; without, from the forward pass. Both must be right.
  @Test(
    arguments: ["llama", "qwen3"],
    [
      (CalibrationRequest.Gradients.none, 0), (.sum, 0), (.sum, 1 << 30), (.sumAndSquares, 0),
    ])
  func statisticsAreTheReferences(
    _ model: String, _ pass: (gradients: CalibrationRequest.Gradients, activationLimit: Int)
  ) throws {
    let decoder = try Decoder(
      Checkpoint.open(Self.fixtures.appendingPathComponent("training/\(model)").path))
    let golden = try golden(model)
    var request = CalibrationRequest(
      sequences: try sequences(), batchSize: 3, gradients: pass.gradients,
      activationLimit: pass.activationLimit)
    request.inputs = [.moments, .gram]
    request.blockCosines = true
    var layers: Set<Int> = []
    _ = try decoder.calibrate(request, workers: Workers(count: 2)) { layer in
      layers.insert(layer.layer)
      let inputs = try #require(layer.inputs)
      for (module, moments, gram) in [
        ("self_attn.q_proj", inputs.moments(of: .queryKeyValue), nil),
        ("self_attn.o_proj", inputs.moments(of: .output), inputs.gram(of: .output)),
        ("mlp.gate_proj", inputs.moments(of: .gateUp), nil),
        ("mlp.down_proj", inputs.moments(of: .down), inputs.gram(of: .down)),
      ] {
        let moments = try #require(moments)
        var found = [
          ("mean", moments.mean), ("variance", moments.variance), ("fluctuation", moments.fluctuation),
          ("norm", moments.norm), ("magnitude", moments.magnitude),
        ]
        if let gram { found.append(("gram", gram)) }
        for (name, values) in found {
          let expected = try golden.floats("\(layer.layer).\(module).\(name)")
          #expect(values.count == expected.count)
          #expect(relativeError(values.values, expected) < 1e-5, "\(name) of \(module), layer \(layer.layer)")
        }
      }
      let cosines = try #require(layer.cosines)
      let expected = try golden.floats("\(layer.layer).cosines")
      #expect(
        relativeError([cosines.attention, cosines.mlp, cosines.layer].map(Float.init), expected) < 1e-6)
    }
    #expect(layers.count == decoder.layerCount)
  }

  /// Statistics of pruned layers are those of the units that are left, and nothing is gathered that nobody asked for.
  @Test func whatIsNotAskedForIsNotGathered() throws {
    let decoder = try Decoder(Checkpoint.open(Self.fixtures.appendingPathComponent("training/llama").path))
    try decoder.keep([0, 3, 4], of: .mlp, layer: 1)
    var request = CalibrationRequest(sequences: try sequences(), batchSize: 3, gradients: .none)
    request.inputs = [.gram]
    var layers: Set<Int> = []
    _ = try decoder.calibrate(request, workers: Workers(count: 1)) { layer in
      layers.insert(layer.layer)
      #expect(layer.inputs?.moments(of: .down) == nil && layer.cosines == nil)
      guard layer.layer == 1 else { return }
      // Channel by channel the pruned layer's inputs are those of the whole one: nothing before them changed.
      let whole = try golden("llama").floats("1.mlp.down_proj.gram")
      let kept = [0, 3, 4].flatMap { row in [0, 3, 4].map { whole[row * 40 + $0] } }
      #expect(relativeError(try #require(layer.inputs?.gram(of: .down)).values.prefix(9), kept) < 1e-5)
    }
    #expect(layers.count == decoder.layerCount && layers.contains(1))
  }

  /// A layer without attention has no inputs of o, and those of its MLP are what its own input makes of them.
  @Test func removedSublayersHaveNoInputs() throws {
    let decoder = try Decoder(Checkpoint.open(Self.fixtures.appendingPathComponent("training/llama").path))
    try decoder.keep([], of: .attentionBlock, layer: 1)
    try decoder.keep([], of: .mlpBlock, layer: 2)
    try decoder.keep([], of: .layer, layer: 0)
    var request = CalibrationRequest(sequences: try sequences(), batchSize: 3, gradients: .sum)
    request.inputs = [.moments, .gram]
    request.blockCosines = true
    var layers: [Int] = []
    _ = try decoder.calibrate(request, workers: Workers(count: 2)) { layer in
      layers.append(layer.layer)
      let (inputs, cosines) = (try #require(layer.inputs), try #require(layer.cosines))
      let hasAttention = layer.layer == 2
      #expect(inputs.moments(of: .queryKeyValue).map { $0.norm.count } == (hasAttention ? 32 : 1))
      #expect(try #require(inputs.moments(of: .output)).norm.values.contains { $0 > 0 } == hasAttention)
      #expect(try #require(inputs.moments(of: .down)).norm.values.contains { $0 > 0 } != hasAttention)
      // The stream goes through what is gone unturned.
      #expect(abs((hasAttention ? cosines.mlp : cosines.attention) - 1) < 1e-6)
      #expect((hasAttention ? cosines.attention : cosines.mlp) < 0.9999)
    }
    #expect(layers == [2, 1])
  }
}
