import Checkpoints
import Foundation
import JSON
import Pipeline
import Tensors
import Testing
import Transformer

/// An architecture that nobody has, composed of parts that others have. The formula is in
/// scripts/make-new-architecture-fixture.py, which computes all expected values with PyTorch.
private struct Sandwich: ArchitectureRules {
  let modelType = "sandwich"
  let className = "SandwichForCausalLM"
  let defaults = ModelConfiguration.Architecture.llama.rules.defaults
  let activation: (key: String, names: [String: DecoderDesign.Activation]) = (
    "hidden_act", ["gelu_pytorch_tanh": .geluTanh]
  )

  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign {
    var design = DecoderDesign(queryKeyNorm: .wholeWidth)
    design.normPlacement = .around
    design.attentionScale = 0.4
    design.embeddingScale = 3
    design.residualMultiplier = 0.7
    design.logitScale = 0.5
    design.finalSoftCap = 5
    return design
  }

  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    (0..<layers).map { $0 == 1 ? 3 : nil }
  }

  func ropes(
    _ keys: ConfigurationKeys, layers: inout [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> [RotaryEmbedding] {
    for (layer, rope) in zip(layers.indices, [0, nil, 1]) { layers[layer].rope = rope }
    return [RotaryEmbedding(theta: 100), RotaryEmbedding(theta: 10_000)]
  }
}

/// A new architecture is one type and its place in the list of architectures: nothing else knows of it.
@Suite struct NewArchitectureTests {
  private static let folder = Support.package.appendingPathComponent("Tests/Fixtures/new-architecture")
  private static let architectures =
    ModelConfiguration.Architecture.allCases + [ModelConfiguration.Architecture(Sandwich())]

  private let workers = Workers(count: 2)
  private let golden: SafetensorsFile
  private let sequences: [[Int32]]

  init() throws {
    golden = try SafetensorsFile(path: Self.folder.appendingPathComponent("golden.safetensors").path)
    let ids = try golden.tensor(named: "input_ids").integers().map { Int32($0) }
    sequences = [Array(ids.prefix(10)), Array(ids.suffix(10))]
  }

  private func registered(_ body: () throws -> Void) rethrows {
    try ModelConfiguration.Architecture.$allCases.withValue(Self.architectures, operation: body)
  }

  private func decoder() throws -> Decoder { try Decoder(Checkpoint.open(Self.folder.path)) }

  private func error(_ found: [Float], _ name: String) throws -> Double {
    relativeError(found, try golden.tensor(named: name).floats().map(Double.init))
  }

  private func logits(_ decoder: Decoder) throws -> [Float] {
    try sequences.flatMap { try decoder.logits($0, workers: workers) }
  }

  @Test func withoutItsLineItIsRefused() {
    #expect(
      throws: CheckpointError.unsupportedArchitecture(
        file: Self.folder.path + "/config.json", found: "sandwich")
    ) { _ = try decoder() }
  }

  @Test func logitsLossAndEveryGradientAreThoseOfPyTorch() throws {
    try registered {
      let decoder = try decoder()
      #expect(try error(logits(decoder), "logits") < 1e-5)
      let trainer = try Trainer(
        decoder, .full, optimizer: AdamWOptions(), maxGradientNorm: nil,
        room: TrainingRoom(tokens: 20, longest: 10, activationLimit: 0), workers: workers)
      let step = try trainer.gradients([sequences.map { TrainingSequence(tokens: $0) }])
      let loss = try #require(golden.tensor(named: "loss").floats().first)
      #expect(abs(Float(step.loss.crossEntropy / Double(step.loss.targets)) - loss) < 1e-5 * loss)
      #expect(trainer.namedGradients.count == 42)
      for (name, values) in trainer.namedGradients {
        #expect(try error(values, "grad.\(name)") < 1e-4, "\(name)")
      }
    }
  }

  /// Taken away, units leave what zeros would, in memory and in the model that is saved.
  @Test func prunedAndSavedItIsTheModelWithZeros() throws {
    try registered {
      let scratch = Scratch()
      let model = try LoadedModel(path: Self.folder.path)
      for (layer, groups) in [[1], [0, 1], [0]].enumerated() {
        try model.decoder.keep(groups.map { CurrentUnit($0) }, of: .attention, layer: layer)
      }
      try model.decoder.keep([0, 2, 3, 7, 9], of: .mlp, layer: 0)
      try model.decoder.keep([1, 4], of: .mlp, layer: 2)
      #expect(try error(logits(model.decoder), "pruned.logits") < 1e-5)
      try model.save(to: scratch.path("saved"), type: .float32, workers: workers)
      #expect(
        try error(logits(Decoder(Checkpoint.open(scratch.path("saved")))), "pruned.logits") < 1e-5)
    }
  }

  @Test(.enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
  func aPipelinePrunesIt() throws {
    try registered {
      let scratch = Scratch()
      let (_, run) = try Support.run(
        [
          "stages": [
            [
              "stage": "prune", "criterion": "adapt-pruner.magnitude", "allocator": "adapt-pruner.uniform",
              "target": 0.7, "iterations": 2,
            ], ["stage": "save"],
          ]
        ], model: Self.folder, in: scratch.url)
      let saved = try Decoder(Checkpoint.open(run.appendingPathComponent("model").path))
      let whole = try decoder().parameters
      #expect(saved.parameters <= whole * 7 / 10 && saved.configuration.architecture.rawValue == "sandwich")
      #expect(try logits(saved).allSatisfy(\.isFinite))
    }
  }
}
